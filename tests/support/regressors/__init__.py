"""scikit-learn regressors as models, as a user would write them."""
