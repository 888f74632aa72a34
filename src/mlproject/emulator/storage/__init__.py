"""The blob store: ``blobs`` answers, ``containers`` lists.

``stored`` is one blob on disk, ``storage_access`` who may do what with it, by a signed URL, a token
or the account's key (``shared_key``).
"""
