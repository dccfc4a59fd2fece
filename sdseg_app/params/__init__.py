"""What a request may ask of an inference, a training or a batch, checked once."""
