"""Repeated grouped folds from the split to sweeps: every electrode is tested several times."""

from __future__ import annotations

import pytest
from support.projects import QUICK, small_project, write_params
from support.small_sweeps import small_params, small_sweep

from electrode_bench.core.folds import first_repeat
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.report import parity
from electrode_bench.stages import compare, featurize, fit, prepare, publish, report, split
from electrode_bench.stages import map as mapping
from electrode_bench.tasks import assess
from electrode_bench.tracking.store import open_store
from electrode_bench.tuning.plan import plan_studies

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("repeats")

KEYS = ["fold-0", "fold-1", "fold-2", "repeat-1-fold-0", "repeat-1-fold-1", "repeat-1-fold-2"]


def _params(**sweep: object) -> Params:
    own = {**QUICK.split.model_dump(mode="json"), "protocols": ["grouped", "chronological"]}
    own["grouped"]["repeats"] = 2
    return Params(**{**small_params(**sweep).model_dump(mode="json"), "split": own})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made, given = small_project(tmp_path_factory.mktemp("repeats")), _params()
    write_params(made, given)
    prepare.run(made, given.prepare)
    for name in ("magpie_mean", "modnet"):
        featurize.run(made, given.featurize, feature_set=name)
    mapping.run(made, given.map, seed=given.seed)
    split.run(made, given.split, seed=given.seed)
    for model in ("control", "rf_magpie"):
        for protocol in ("grouped", "chronological"):
            fit.run(made, given, model=model, protocol=protocol)
    compare.run(made, seed=given.seed)
    return made


def test_the_comparison_averages_over_all_folds_and_counts_electrodes_once(project: Project) -> None:
    ids, rows = set(project.table()[ID]), project.comparison("scores")
    rows = rows[(rows["protocol"] == "grouped") & (rows["model"] == "rf_magpie") & (rows["metric"] == "mae")]
    for target in TARGETS:
        of = rows[rows["target"] == target].set_index("fold")["value"]
        assert sorted(of.index) == ["all", *KEYS]
        assert of["all"] == pytest.approx(of[KEYS].mean())
    by_ion = project.comparison("by_ion").query("protocol == 'grouped' and model == 'rf_magpie'")
    assert set(by_ion.groupby("target")["n"].sum()) == {len(ids)}
    run = project.run("rf_magpie", "grouped")
    points = parity.points(run.predictions, target="average_voltage")
    assert (len(points), set(points["n"])) == (len(ids), {2})
    seeds = [fold.seed for fold in run.folds.values()]
    assert len(set(seeds)) == len(seeds)


def test_one_cutoff_gives_an_interval_but_no_verdict(project: Project) -> None:
    pairs = project.comparison("pairs").query("protocol == 'chronological'")
    assert pairs[["low", "high"]].notna().all(axis=None)
    assert pairs["p"].isna().all()
    assert not pairs["different"].any()
    (fold,) = project.protocol_folds("chronological")
    newest = project.table()[ID].str.extract(r"-(\d+)_")[0].astype(int).max()
    assert any(f"-{newest:04d}_" in electrode for electrode in fold.test_ids)


def test_report_and_publish_take_repeated_folds(project: Project) -> None:
    assert report.run(project).exists()
    assert len(publish.run(project)) == 4
    with open_store(project) as store:
        folds = store.client.search_runs([store.folds], "tags.protocol = 'grouped' and tags.model = 'rf_magpie'")
    assert sorted(fold.data.tags["fold"] for fold in folds) == KEYS


def test_nested_tunes_on_the_first_repeat_only(project: Project) -> None:
    given = _params(inner="grouped")
    studies = small_sweep(project, given, trials=1, nested=True)
    assert [study.part for study in studies] == ["grouped/fold-0", "grouped/fold-1", "grouped/fold-2"]
    score = assess.run(project, given, study=studies[0].study, nested=True)
    assert score.folds == ("fold-0", "fold-1", "fold-2")
    assert [fold.key for fold in first_repeat(project.protocol_folds("grouped"))] == list(score.folds)
    everywhere = assess.run(project, given, study=studies[0].study, protocol="grouped")
    assert everywhere.folds == tuple(KEYS)
    assert set(everywhere.comparison.rows["folds"]) == {6}


def test_any_protocol_can_tune_but_the_bootstrap(project: Project) -> None:
    chosen = _params(protocol="chronological", inner="chronological")
    (spec,) = plan_studies(project, chosen, model="rf_magpie", nested=False)
    (outer,) = project.protocol_folds("chronological")
    assert spec.outer.name == "chronological/oldest-80"
    assert set(spec.outer.frame.index) == set(outer.train_ids)
    (inner,) = spec.outer.folds
    assert set(inner.train_ids) | set(inner.test_ids) == set(outer.train_ids)
    (later,) = plan_studies(project, _params(fold="repeat-1-fold-2"), model="rf_magpie", nested=False)
    assert later.outer.name == "grouped/repeat-1-fold-2"
    assert len(later.outer.folds) == 2
    with pytest.raises(UserError, match=r"sweep\.inner: the folds of bootstrap have several training sizes"):
        plan_studies(project, _params(inner="bootstrap"), model="rf_magpie", nested=False)
    with pytest.raises(UserError, match="unknown protocol 'groupd'"):
        plan_studies(project, _params(protocol="groupd"), model="rf_magpie", nested=False)
