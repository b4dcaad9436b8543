"""What measures speed or quality: one command each, results as files in results/."""
