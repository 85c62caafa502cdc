"""Speed as ratios: each figure stands against a control measured in the same run, interleaved."""
