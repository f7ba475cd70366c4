"""What each rule reads and is set to, as functions that need no Snakemake."""
