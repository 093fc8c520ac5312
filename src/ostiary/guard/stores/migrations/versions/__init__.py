"""One file a schema version; what was released is never changed."""
