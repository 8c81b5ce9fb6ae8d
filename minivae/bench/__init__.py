"""How fast a training step is, beside PyTorch, JAX, a textbook's tape, and the matrix products that none can avoid.

`minivae bench` runs it. `workloads` says what is computed, each `*_worker` file does it in one way, `driver` lets them
take turns in processes of their own, and `report` writes down what came out.
"""
