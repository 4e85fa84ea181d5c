//! One macro for the GObjects that carry a view model into list models.

/// Declares a GObject that holds one row and emits `changed` when the row was replaced.
macro_rules! row_object {
    ($(#[$meta:meta])* $name:ident, $row:ty) => {
        glib::wrapper! {
            $(#[$meta])*
            pub(crate) struct $name(ObjectSubclass<object_imp::$name>);
        }

        impl $name {
            /// A new object around `row`.
            pub(crate) fn new(row: $row) -> Self {
                let object: Self = glib::Object::new();
                object.imp().row.replace(Some(row));
                object
            }

            /// Reads the row.
            pub(crate) fn with<R>(&self, read: impl FnOnce(&$row) -> R) -> R {
                read(self.imp().row.borrow().as_ref().expect("every object is made around a row"))
            }

            /// Replaces the row and tells whoever listens.
            pub(crate) fn set(&self, row: $row) {
                self.imp().row.replace(Some(row));
                self.emit_by_name::<()>("changed", &[]);
            }

            /// Calls `listener` after each replacement.
            pub(crate) fn connect_changed(&self, listener: impl Fn(&Self) + 'static) -> glib::SignalHandlerId {
                self.connect_closure("changed", false, glib::closure_local!(move |object: Self| listener(&object)))
            }
        }
    };
}

/// Declares the private halves of [`row_object!`] objects of one file.
macro_rules! row_object_imps {
    ($($name:ident, $gtype:literal, $row:ty;)+) => {
        mod object_imp {
            use super::*;
            use std::sync::OnceLock;

            $(
                #[derive(Default)]
                pub(crate) struct $name {
                    pub(super) row: std::cell::RefCell<Option<$row>>,
                }

                #[glib::object_subclass]
                impl ObjectSubclass for $name {
                    const NAME: &'static str = $gtype;
                    type Type = super::$name;
                }

                impl ObjectImpl for $name {
                    fn signals() -> &'static [glib::subclass::Signal] {
                        static SIGNALS: OnceLock<Vec<glib::subclass::Signal>> = OnceLock::new();
                        SIGNALS.get_or_init(|| vec![glib::subclass::Signal::builder("changed").build()])
                    }
                }
            )+
        }
    };
}

pub(crate) use row_object;
pub(crate) use row_object_imps;
