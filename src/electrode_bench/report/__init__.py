"""The report: its page, figures and tables, made from results only."""
