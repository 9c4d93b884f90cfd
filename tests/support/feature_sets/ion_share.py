"""See support.own_feature_sets."""

from support import own_feature_sets

FEATURES = own_feature_sets.ION_SHARE
