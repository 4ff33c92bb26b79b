"""What is beautiful: training set, trained model, scores and what became of them."""
