//! `urn:flint:policy:1`: how a client and the policy service of its server find each other.
//!
//! The policy itself travels over HTTPS. On the stream there are only three small things: the client announces itself
//! by directed presence ([`ClientState`]), the service says that there is something new ([`Changed`]), and its
//! disco#info carries a form with the HTTPS base address ([`base_url`]).

use minidom::Element;
use rxml::xml_ncname;

/// Namespace of both payloads and FORM_TYPE of the form.
pub const NS: &str = "urn:flint:policy:1";

const DATA_FORMS: &str = "jabber:x:data";
const MAX_TEXT: usize = 256;
const MAX_URL: usize = 2048;

/// What a client says about itself in presence to the policy service: `<client device version applied/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientState {
    /// Random identity of the device, at most 256 bytes.
    pub device: String,
    /// Version of the client's software, at most 256 bytes.
    pub version: String,
    /// Version of the policy document that is applied; 0 for none.
    pub applied: u64,
}

impl ClientState {
    /// Reads the element; `None` when it is another one or of the wrong shape.
    pub fn read(element: &Element) -> Option<Self> {
        if !element.is("client", NS) {
            return None;
        }
        Some(Self {
            device: short(element.attr("device"))?,
            version: short(element.attr("version"))?,
            applied: element.attr("applied")?.parse().ok()?,
        })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("client", NS)
            .attr(xml_ncname!("device").to_owned(), self.device.as_str())
            .attr(xml_ncname!("version").to_owned(), self.version.as_str())
            .attr(xml_ncname!("applied").to_owned(), self.applied.to_string())
            .build()
    }
}

/// "There is a policy document of this version": `<policy version/>` in a headline from the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Version of the newest document.
    pub version: u64,
}

impl Changed {
    /// Reads the element; `None` when it is another one or of the wrong shape.
    pub fn read(element: &Element) -> Option<Self> {
        if !element.is("policy", NS) {
            return None;
        }
        Some(Self { version: element.attr("version")?.parse().ok()? })
    }

    /// The element to send.
    pub fn element(&self) -> Element {
        Element::builder("policy", NS)
            .attr(xml_ncname!("version").to_owned(), self.version.to_string())
            .build()
    }
}

/// The form for the service's disco#info (XEP-0128) with the HTTPS base address.
pub fn form(url: &str) -> Element {
    let field = |var: &str, kind: Option<&str>, value: &str| {
        Element::builder("field", DATA_FORMS)
            .attr(xml_ncname!("var").to_owned(), var)
            .attr(xml_ncname!("type").to_owned(), kind)
            .append(Element::builder("value", DATA_FORMS).append(value).build())
            .build()
    };
    Element::builder("x", DATA_FORMS)
        .attr(xml_ncname!("type").to_owned(), "result")
        .append(field("FORM_TYPE", Some("hidden"), NS))
        .append(field("url", None, url))
        .build()
}

/// The HTTPS base address out of a disco#info `<query/>` (its children are looked through) or the form itself.
///
/// `None` when there is none, when it is not `https://…/`, or too long (2,048 bytes).
pub fn base_url(query_or_form: &Element) -> Option<String> {
    if query_or_form.is("x", DATA_FORMS) {
        return read_form(query_or_form);
    }
    query_or_form.children().filter(|child| child.is("x", DATA_FORMS)).find_map(read_form)
}

fn read_form(form: &Element) -> Option<String> {
    let value = |var: &str| {
        let field =
            form.children().find(|field| field.is("field", DATA_FORMS) && field.attr("var") == Some(var))?;
        Some(field.get_child("value", DATA_FORMS)?.text())
    };
    if value("FORM_TYPE")? != NS {
        return None;
    }
    let url = value("url")?;
    let good = url.starts_with("https://")
        && url.ends_with('/')
        && url.len() <= MAX_URL
        && !url.contains(char::is_whitespace);
    good.then_some(url)
}

fn short(value: Option<&str>) -> Option<String> {
    value.filter(|value| !value.is_empty() && value.len() <= MAX_TEXT).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let client = ClientState { device: "d1".into(), version: "0.1.0".into(), applied: u64::MAX };
        assert_eq!(ClientState::read(&client.element()), Some(client));
        let changed = Changed { version: 7 };
        assert_eq!(Changed::read(&changed.element()), Some(changed));
        let url = "https://localhost:8443/";
        assert_eq!(base_url(&form(url)).as_deref(), Some(url));
        let query =
            Element::builder("query", "http://jabber.org/protocol/disco#info").append(form(url)).build();
        assert_eq!(base_url(&query).as_deref(), Some(url));
    }

    #[test]
    fn the_wrong_shape_is_refused() {
        let parse = |xml: &str| xml.parse::<Element>().unwrap();
        let long = "x".repeat(MAX_TEXT + 1);
        for xml in [
            "<client xmlns='urn:flint:policy:1' device='d' version='1'/>".to_owned(),
            "<client xmlns='urn:flint:policy:1' device='d' version='1' applied='-1'/>".to_owned(),
            "<client xmlns='urn:flint:policy:1' device='' version='1' applied='1'/>".to_owned(),
            "<client xmlns='urn:flint:policy:2' device='d' version='1' applied='1'/>".to_owned(),
            format!("<client xmlns='urn:flint:policy:1' device='{long}' version='1' applied='1'/>"),
        ] {
            assert_eq!(ClientState::read(&parse(&xml)), None, "{xml}");
        }
        assert_eq!(Changed::read(&parse("<policy xmlns='urn:flint:policy:1' version='1e3'/>")), None);
        for url in ["http://localhost/", "https://localhost", "https://local host/", "javascript:https://x/"]
        {
            assert_eq!(base_url(&form(url)), None, "{url}");
        }
    }
}
