"""Rich text before a vendor's markup is written: the tree, its links, its shortening."""
