//! The form that a customer fills in, and what comes back (XEP-0004 inside `workgroup-form` and `join-queue`).

use crate::element::{empty, leaf, name};
use crate::error::Malformed;
use crate::metadata::Metadata;
use crate::text::clean;
use crate::{JWG, limits};
use minidom::Element;

const DATA: &str = "jabber:x:data";

/// Kind of a field (XEP-0004 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum FieldKind {
    /// One line; also whatever we do not know.
    #[default]
    TextSingle,
    /// Several lines.
    TextMulti,
    /// Hidden while typing.
    TextPrivate,
    /// One of the options.
    ListSingle,
    /// Some of the options.
    ListMulti,
    /// Yes or no; with options: a set of check boxes (Fastpath).
    Boolean,
    /// Not shown.
    Hidden,
    /// One JID.
    JidSingle,
    /// Several JIDs.
    JidMulti,
    /// Text for the reader.
    Fixed,
}

const KINDS: [(FieldKind, &str); 10] = [
    (FieldKind::TextSingle, "text-single"),
    (FieldKind::TextMulti, "text-multi"),
    (FieldKind::TextPrivate, "text-private"),
    (FieldKind::ListSingle, "list-single"),
    (FieldKind::ListMulti, "list-multi"),
    (FieldKind::Boolean, "boolean"),
    (FieldKind::Hidden, "hidden"),
    (FieldKind::JidSingle, "jid-single"),
    (FieldKind::JidMulti, "jid-multi"),
    (FieldKind::Fixed, "fixed"),
];

impl FieldKind {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        KINDS.into_iter().find(|(kind, _)| *kind == self).map_or("text-single", |(_, name)| name)
    }

    fn read(name: Option<&str>) -> Self {
        KINDS.into_iter().find(|(_, known)| Some(*known) == name).map_or(Self::TextSingle, |(kind, _)| kind)
    }
}

/// One choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormOption {
    /// What is read.
    pub label: String,
    /// What is sent.
    pub value: String,
}

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    /// Variable; empty only for `Fixed`.
    pub var: String,
    /// What is read; may be empty (Spark shows no field without one).
    pub label: String,
    /// Kind.
    pub kind: FieldKind,
    /// Has to be filled in.
    pub required: bool,
    /// Choices.
    pub options: Vec<FormOption>,
    /// Values set beforehand.
    pub values: Vec<String>,
}

/// A form to fill in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Form {
    /// Title, may be empty.
    pub title: String,
    /// Instructions, may be empty.
    pub instructions: String,
    /// Fields in order.
    pub fields: Vec<Field>,
}

impl Form {
    /// The label of a variable, if it has one.
    pub fn label(&self, var: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|field| field.var == var)
            .map(|field| field.label.as_str())
            .filter(|l| !l.is_empty())
    }

    /// Reads `<workgroup-form/>` with a form inside.
    pub fn read_answer(element: &Element) -> Result<Self, Malformed> {
        crate::element::expect(element, "workgroup-form")?;
        Self::read(element.get_child("x", DATA).ok_or(Malformed::Missing("x"))?)
    }

    /// `<workgroup-form/>` with the form inside.
    pub fn answer(&self) -> Element {
        Element::builder("workgroup-form", JWG).append(self.element()).build()
    }

    /// Reads `<x xmlns='jabber:x:data' type='form'/>`.
    pub fn read(element: &Element) -> Result<Self, Malformed> {
        let fields = fields(element)?;
        let line = |name: &'static str| match element.get_child(name, DATA) {
            Some(child) => crate::element::text(child, name, limits::TEXT),
            None => Ok(String::new()),
        };
        Ok(Self {
            title: line("title")?,
            instructions: line("instructions")?,
            fields: fields.into_iter().map(read_field).collect::<Result<_, _>>()?,
        })
    }

    /// `<x xmlns='jabber:x:data' type='form'/>`.
    pub fn element(&self) -> Element {
        let line = |name: &str, text: &str| (!text.is_empty()).then(|| leaf(name, DATA, text));
        Element::builder("x", DATA)
            .attr(name!("type"), "form")
            .append_all(line("title", &self.title))
            .append_all(line("instructions", &self.instructions))
            .append_all(self.fields.iter().map(field_element))
            .build()
    }
}

/// The question for the form: `<workgroup-form/>`.
pub fn request() -> Element {
    empty("workgroup-form", JWG)
}

/// Reads a submitted form: every field with a variable becomes metadata, several values kept.
pub fn read_submission(element: &Element) -> Result<Metadata, Malformed> {
    let mut metadata = Metadata::default();
    for field in fields(element)? {
        let Some(var) = crate::element::attr(field, "var", limits::ID)? else { continue };
        if var == "FORM_TYPE" {
            continue;
        }
        metadata.set(var, values(field)?);
    }
    metadata.check()?;
    Ok(metadata)
}

/// A filled-in form.
pub fn submission(metadata: &Metadata) -> Element {
    Element::builder("x", DATA)
        .attr(name!("type"), "submit")
        .append_all(metadata.entries().iter().map(|(var, values)| {
            Element::builder("field", DATA)
                .attr(name!("var"), clean(var))
                .append_all(values.iter().map(|value| leaf("value", DATA, value)))
                .build()
        }))
        .build()
}

fn fields(form: &Element) -> Result<Vec<&Element>, Malformed> {
    if !form.is("x", DATA) {
        return Err(Malformed::Other("x"));
    }
    let found: Vec<&Element> = form.children().filter(|child| child.is("field", DATA)).collect();
    if found.len() > limits::FIELDS { Err(Malformed::TooMany("field")) } else { Ok(found) }
}

fn values(parent: &Element) -> Result<Vec<String>, Malformed> {
    let found: Vec<String> = parent
        .children()
        .filter(|child| child.is("value", DATA))
        .take(limits::VALUES + 1)
        .map(|value| crate::element::text(value, "value", limits::TEXT))
        .collect::<Result<_, _>>()?;
    if found.len() > limits::VALUES { Err(Malformed::TooMany("value")) } else { Ok(found) }
}

fn read_field(field: &Element) -> Result<Field, Malformed> {
    let kind = FieldKind::read(field.attr("type"));
    let var = crate::element::attr(field, "var", limits::ID)?;
    if var.is_none() && kind != FieldKind::Fixed {
        return Err(Malformed::Missing("var"));
    }
    let mut options = Vec::new();
    for option in field.children().filter(|child| child.is("option", DATA)) {
        if options.len() == limits::VALUES {
            return Err(Malformed::TooMany("option"));
        }
        let value = values(option)?.into_iter().next().unwrap_or_default();
        let label = crate::element::attr(option, "label", limits::NAME)?.unwrap_or_else(|| value.clone());
        options.push(FormOption { label, value });
    }
    Ok(Field {
        var: var.unwrap_or_default(),
        label: crate::element::attr(field, "label", limits::NAME)?.unwrap_or_default(),
        kind,
        required: field.has_child("required", DATA),
        options,
        values: values(field)?,
    })
}

fn field_element(field: &Field) -> Element {
    let given = |text: &str| (!text.is_empty()).then(|| clean(text));
    Element::builder("field", DATA)
        .attr(name!("var"), given(&field.var))
        .attr(name!("type"), field.kind.name())
        .attr(name!("label"), given(&field.label))
        .append_all(field.required.then(|| empty("required", DATA)))
        .append_all(field.options.iter().map(|option| {
            Element::builder("option", DATA)
                .attr(name!("label"), clean(&option.label))
                .append(leaf("value", DATA, &option.value))
                .build()
        }))
        .append_all(field.values.iter().map(|value| leaf("value", DATA, value)))
        .build()
}
