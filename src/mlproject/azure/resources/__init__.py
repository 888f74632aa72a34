"""What jobs and endpoints are made of, asked of Resource Manager.

- ``computes``      clusters, and how busy they are
- ``environments``, ``codes``, ``jobs``  what a job runs in, what it runs, and how it gets on
- ``builds``        the builds of images, which are runs
- ``endpoints``     online endpoints, their deployments and their traffic
"""
