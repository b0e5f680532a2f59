"""What encoders are to predict: versions of pictures, from galleries or features."""
