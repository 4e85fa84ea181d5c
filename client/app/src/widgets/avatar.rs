//! Initials or a symbol in the colour of a name, with the presence at its corner.

use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::model::Show;
use gtk::glib;

mod imp {
    use super::*;

    #[derive(Debug, Default, gtk::CompositeTemplate)]
    #[template(file = "avatar.ui")]
    pub(crate) struct Avatar {
        #[template_child]
        pub(super) picture: TemplateChild<adw::Avatar>,
        #[template_child]
        pub(super) presence_dot: TemplateChild<gtk::Box>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Avatar {
        const NAME: &'static str = "FlAvatar";
        type Type = super::Avatar;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for Avatar {}
    impl WidgetImpl for Avatar {}
    impl BinImpl for Avatar {}
}

glib::wrapper! {
    /// Initials or a symbol in the colour of a name, with the presence at its corner.
    pub(crate) struct Avatar(ObjectSubclass<imp::Avatar>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl Avatar {
    /// Shows a person's initials.
    pub(crate) fn set_person(&self, name: &str) {
        let picture = &self.imp().picture;
        picture.set_icon_name(None);
        picture.set_show_initials(true);
        picture.set_text(Some(name));
    }

    /// Shows the symbol of a room.
    pub(crate) fn set_room(&self, name: &str) {
        let picture = &self.imp().picture;
        picture.set_show_initials(false);
        picture.set_icon_name(Some("system-users-symbolic"));
        picture.set_text(Some(name));
    }

    /// Shows a presence, or none at all.
    pub(crate) fn set_show(&self, show: Option<Show>) {
        let dot = &self.imp().presence_dot;
        dot.set_visible(show.is_some());
        let class = match show {
            Some(Show::Chat) => "chatty",
            Some(Show::Available) => "online",
            Some(Show::Away) => "away",
            Some(Show::ExtendedAway) => "xa",
            Some(Show::DoNotDisturb) => "dnd",
            Some(Show::Offline) | None => "offline",
        };
        dot.set_css_classes(&["presence", class]);
    }

    /// Changes the size, in pixels.
    pub(crate) fn set_size(&self, size: i32) {
        self.imp().picture.set_size(size);
    }
}
