//! The GTK4/libadwaita client.
