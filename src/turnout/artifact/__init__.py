"""What a build gives, and how it travels: manifests, the selected files, the stream of contents."""
