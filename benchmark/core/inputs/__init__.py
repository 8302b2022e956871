"""What is read: readings, predictions and ratings as long tables, and which of their rows are analysed."""
