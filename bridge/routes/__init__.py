"""The HTTP face of the bridge, a module for each of its users. Routes know no call's inside."""
