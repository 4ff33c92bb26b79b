"""The torch side of Beautyflow: networks, transforms, losses and training steps.

Imports nothing of the rest of the platform. Only ``ray_jobs`` calls it.
"""
