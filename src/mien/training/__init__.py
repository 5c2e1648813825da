"""From a recipe to an artifact: data → augmentation → loss → loop → evaluation → .onnx with its card."""
