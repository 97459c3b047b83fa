"""Pages that open in any browser: charts and pictures in them, without knowing any run."""
