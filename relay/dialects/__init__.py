"""The markup families: each turns a tree into what its chats read, and escapes once, at leaves."""
