"""MLflow as a view of the results: runs, studies and registered models. Nothing else imports mlflow.

``provenance`` says where data and code come from, ``publish`` writes runs, ``current`` reads them back, ``registry``
holds the promoted model, ``studies`` writes tuning studies, and ``ui`` opens MLflow's own page.
"""
