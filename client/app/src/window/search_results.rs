//! One search for everything: people first, then rooms, then what was said.

use crate::projection::{RoomObject, Session, Topic};
use crate::widgets::{self, Avatar};
use crate::window::sidebar::Target;
use crate::{text, time};
use adw::prelude::*;
use adw::subclass::prelude::*;
use flint_runtime::core::QueryId;
use flint_runtime::core::model::{ConversationId, SearchHit, Show};
use gtk::{glib, pango};
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

/// Rows per section: a search is narrowed by typing on, not by scrolling.
const PER_SECTION: usize = 8;
/// Marks around the words that matched (`SearchHit::snippet`).
const MATCH: (char, char) = ('\u{2}', '\u{3}');

mod imp {
    use super::*;

    #[derive(Default, gtk::CompositeTemplate)]
    #[template(file = "search_results.ui")]
    pub(crate) struct SearchResults {
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) list_box: TemplateChild<gtk::ListBox>,
        pub(super) session: OnceCell<Session>,
        pub(super) open: OnceCell<Rc<dyn Fn(Target)>>,
        pub(super) targets: RefCell<Vec<Target>>,
        pub(super) query: Cell<Option<QueryId>>,
        pub(super) needle: RefCell<String>,
        pub(super) hits: RefCell<Rc<Vec<SearchHit>>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for SearchResults {
        const NAME: &'static str = "FlSearchResults";
        type Type = super::SearchResults;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
        }

        fn instance_init(object: &glib::subclass::InitializingObject<Self>) {
            object.init_template();
        }
    }

    impl ObjectImpl for SearchResults {}
    impl WidgetImpl for SearchResults {}
    impl BinImpl for SearchResults {}
}

glib::wrapper! {
    /// One search for everything.
    pub(crate) struct SearchResults(ObjectSubclass<imp::SearchResults>)
        @extends adw::Bin, gtk::Widget, @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl SearchResults {
    /// Binds the results to the session; `open` is called for the one that was chosen.
    pub(crate) fn set_session(&self, session: &Session, open: impl Fn(Target) + 'static) {
        let imp = self.imp();
        if imp.session.set(session.clone()).is_err() || imp.open.set(Rc::new(open)).is_err() {
            return;
        }
        widgets::name(&*imp.list_box, "Search results");
        imp.list_box.set_header_func(crate::widgets::section_header);
        imp.list_box.connect_row_activated(glib::clone!(
            #[weak(rename_to = results)]
            self,
            move |_, row| results.activate(row.index())
        ));
        session.listen(self, |results, topic| {
            if let Topic::Found { query, hits } = topic
                && results.imp().query.get() == Some(*query)
            {
                results.imp().hits.replace(hits.clone());
                results.refresh();
            }
        });
    }

    /// Searches as somebody types; the results of the last text stay until the next ones come.
    pub(crate) fn search(&self, needle: &str) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        let needle = needle.trim();
        if *imp.needle.borrow() == needle {
            return;
        }
        imp.needle.replace(needle.to_owned());
        if needle.chars().count() >= 2 {
            imp.query.set(Some(session.search(needle, None)));
        } else {
            imp.query.set(None);
            imp.hits.replace(Rc::default());
        }
        self.refresh();
    }

    /// Opens the first result.
    pub(crate) fn activate_first(&self) {
        self.activate(0);
    }

    fn activate(&self, index: i32) {
        let imp = self.imp();
        let target = usize::try_from(index).ok().and_then(|index| imp.targets.borrow().get(index).cloned());
        if let (Some(target), Some(open)) = (target, imp.open.get()) {
            open(target);
        }
    }

    fn refresh(&self) {
        let imp = self.imp();
        let Some(session) = imp.session.get() else { return };
        while let Some(row) = imp.list_box.row_at_index(0) {
            imp.list_box.remove(&row);
        }
        imp.targets.borrow_mut().clear();
        let needle = imp.needle.borrow().clone();
        if needle.is_empty() {
            return;
        }
        for person in session.people().search(&needle, PER_SECTION) {
            let sub = widgets::show_text(person.show, &person.status);
            let target = Target::Conversation(ConversationId::Person(person.jid));
            self.add("PEOPLE", target, &person.name, &sub, Some(person.show), "");
        }
        let folded = text::folded(&needle);
        let matching = session.rooms().iter::<RoomObject>().filter_map(Result::ok).filter(|room| {
            room.with(|row| text::folded(&row.name).contains(&folded) || row.jid.as_str().contains(&folded))
        });
        for room in matching.take(PER_SECTION) {
            let row = room.with(Clone::clone);
            let sub = if row.subject.is_empty() { row.jid.to_string() } else { row.subject.clone() };
            let target = Target::Conversation(ConversationId::Room(row.jid));
            self.add("ROOMS", target, &row.name, &sub, None, "");
        }
        let hits = imp.hits.borrow().clone();
        for hit in hits.iter() {
            let title = session.title(&hit.message.conversation);
            let time = time::short(hit.message.at, session.now());
            let target = Target::Message(hit.message.conversation.clone(), hit.message.id.clone());
            self.add("MESSAGES", target, &title, &hit.snippet.0, None, &time);
        }
        let found = !imp.targets.borrow().is_empty();
        imp.stack.set_visible_child_name(if found { "list" } else { "empty" });
    }

    fn add(&self, section: &str, target: Target, title: &str, sub: &str, show: Option<Show>, at: &str) {
        let imp = self.imp();
        let title = text::one_line(title, 80);
        let avatar: Avatar = glib::Object::new();
        match &target {
            Target::Conversation(ConversationId::Room(_)) | Target::Message(ConversationId::Room(_), _) => {
                avatar.set_room(&title);
            }
            _ => avatar.set_person(&title),
        }
        avatar.set_show(show);
        let name = gtk::Label::builder()
            .label(&title)
            .xalign(0.0)
            .hexpand(true)
            .ellipsize(pango::EllipsizeMode::End)
            .build();
        name.add_css_class("row-title");
        let time = gtk::Label::new(Some(at));
        time.set_css_classes(&["fine", "dim-label", "numeric"]);
        let top = gtk::Box::builder().spacing(6).build();
        top.append(&name);
        top.append(&time);
        let (snippet, attributes) = highlighted(sub);
        let below = gtk::Label::builder().label(&snippet).attributes(&attributes).xalign(0.0).build();
        below.set_ellipsize(pango::EllipsizeMode::End);
        below.set_css_classes(&["row-sub", "dim-label"]);
        let lines = gtk::Box::builder().orientation(gtk::Orientation::Vertical).spacing(2).build();
        lines.append(&top);
        lines.append(&below);
        let content = gtk::Box::builder()
            .spacing(10)
            .margin_top(6)
            .margin_bottom(6)
            .margin_start(4)
            .margin_end(4)
            .build();
        content.append(&avatar);
        content.append(&lines);
        let row = gtk::ListBoxRow::builder().child(&content).build();
        widgets::name(&row, &format!("{title}, {snippet}"));
        row.set_widget_name(section);
        imp.list_box.append(&row);
        imp.targets.borrow_mut().push(target);
    }
}

/// The snippet as one line, with the words that matched in bold.
fn highlighted(snippet: &str) -> (String, pango::AttrList) {
    let attributes = pango::AttrList::new();
    let mut line = String::new();
    let mut begin = None;
    for part in snippet.split_inclusive([MATCH.0, MATCH.1]) {
        let text = part.trim_end_matches([MATCH.0, MATCH.1]);
        // Spaces at the seams belong to the sentence.
        let clean = text::one_line(text, 200);
        if text.starts_with(char::is_whitespace) && !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&clean);
        if text.ends_with(char::is_whitespace) && !clean.is_empty() {
            line.push(' ');
        }
        match part.chars().last() {
            Some(mark) if mark == MATCH.0 => begin = Some(line.len()),
            Some(mark) if mark == MATCH.1 => {
                if let Some(begin) = begin.take() {
                    let mut bold = pango::AttrInt::new_weight(pango::Weight::Bold);
                    bold.set_start_index(u32::try_from(begin).unwrap_or(0));
                    bold.set_end_index(u32::try_from(line.len()).unwrap_or(0));
                    attributes.insert(bold);
                }
            }
            _ => {}
        }
    }
    (line, attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_bold_and_marks_vanish() {
        for (snippet, line, bold) in [
            ("the \u{2}invoice\u{3} of March", "the invoice of March", Some((4, 11))),
            ("\u{2}in\u{3}voice", "invoice", Some((0, 2))),
            ("no match\nhere", "no match here", None),
            ("broken \u{3} marks \u{2}", "broken  marks ", None),
        ] {
            let (shown, attributes) = highlighted(snippet);
            assert_eq!(shown, line);
            let found = attributes.attributes().first().map(|bold| (bold.start_index(), bold.end_index()));
            assert_eq!(found, bold, "{snippet:?}");
        }
    }
}
