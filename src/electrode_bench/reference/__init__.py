"""Scripts that run upstream packages in the reference environment. They import nothing of electrode_bench."""
