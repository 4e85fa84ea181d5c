use super::*;
use crate::frames::{Frame, Frames};
use minidom::Element;
use proptest::prelude::*;

const OPEN: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

fn small() -> Limits {
    Limits {
        stanza_bytes: 200,
        depth: 4,
        attributes: 3,
        namespaces: 5,
        namespace_bytes: 100,
        elements: 10,
        tag_bytes: 120,
    }
}

/// Bytes that pass, and the violation, in pieces of `chunk` bytes.
fn scan(limits: Limits, input: &[u8], chunk: usize) -> (usize, Option<Violation>) {
    let mut guard = Guard::new(limits);
    let mut passed = 0;
    for piece in input.chunks(chunk) {
        let (accepted, violation) = guard.scan(piece);
        passed += accepted;
        if violation.is_some() {
            assert_eq!(guard.scan(b"<a/>"), (0, violation), "nothing passes after a violation");
            return (passed, violation);
        }
        assert_eq!(accepted, piece.len());
    }
    (passed, None)
}

#[test]
fn each_limit_holds_at_its_edge_whatever_the_chunks() {
    use Violation::*;
    let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let sized = |bytes: usize| format!("<a>{}</a>", "x".repeat(bytes - 7));
    let table: Vec<(String, Option<Violation>)> = vec![
        (nested(4), None),
        (nested(5), Some(Depth(4))),
        ("<a/>".repeat(100), None),
        (" \n\t".repeat(1000), None),
        (sized(200), None),
        (sized(201), Some(StanzaBytes(200))),
        (sized(200).repeat(3), None),
        (format!("<a>{}</a>", "<b/>".repeat(9)), None),
        (format!("<a>{}</a>", "<b/>".repeat(10)), Some(Elements(10))),
        ("<a b='1' c=\"2\" d='3'/>".into(), None),
        ("<a b='1' c=\"2\" d='3' e='4'/>".into(), Some(Attributes(3))),
        ("<a b='1' c='2' d='3'><e f='1' g='2' h='3'/></a>".into(), None),
        ("<a b='x=\"y\" z=\"1\"' c='>' d='/>'/>".into(), None),
        ("<a xmlns='u'><b xmlns='u' xmlns:c='v' xmlns:d='w'/><b xmlns = 'u'/></a>".into(), None),
        (
            "<a xmlns='u'><b xmlns='u' xmlns:c='v' xmlns:d='w'/><b xmlns = 'u'/><b xmlns='x'/></a>".into(),
            Some(Namespaces(5)),
        ),
        ("<a xmlnsx='u' xml='1' x:mlns='2'><b xmlnsx='u' xml='1'/><b xmlnsx='3' xml='5'/></a>".into(), None),
        (format!("<a b='{}'/>", "x".repeat(111)), None),
        (format!("<a b='{}'/>", "x".repeat(112)), Some(TagBytes(120))),
        (format!("<a{}/>", " ".repeat(200)), Some(TagBytes(120))),
        (format!("<a></a{}>", " ".repeat(200)), Some(TagBytes(120))),
        (format!("<{}/>", "x".repeat(200)), Some(TagBytes(120))),
        ("<a><![CDATA[<b><c><d><e><f></a>]] > ]>]]]]><![CDATA[>]]></a><b/>".into(), None),
        ("<a><![CDATA[]><c><c><c><c><c>]]></a>".into(), None),
        ("<a><![CDATA[]]]]]></a><b><b><b><b/></b></b></b>".into(), None),
        (format!("<a><![CDATA[{}", "y".repeat(300)), Some(StanzaBytes(200))),
        (format!("<![CDATA[{}", "y".repeat(300)), Some(StanzaBytes(200))),
        ("<a><!-- x --></a>".into(), Some(Prohibited("a comment"))),
        ("<!-- x -->".into(), Some(Prohibited("a comment"))),
        ("<!DOCTYPE x []>".into(), Some(Prohibited("a document type"))),
        ("<a><![CDATX[x]]></a>".into(), Some(Prohibited("a document type"))),
        ("<?php x?>".into(), Some(Prohibited("a processing instruction"))),
        ("<a><?xml version='1.0'?></a>".into(), Some(Prohibited("a processing instruction"))),
    ];
    for (text, expected) in table {
        let input = format!("{OPEN}{text}");
        let whole = scan(small(), input.as_bytes(), usize::MAX);
        assert_eq!(whole.1, expected, "{text}");
        for chunk in 1..16 {
            assert_eq!(scan(small(), input.as_bytes(), chunk), whole, "{text} in pieces of {chunk}");
        }
    }
}

/// One dimension of a stanza at `size`.
type Shape = fn(usize) -> String;

/// The limits of the product, but for the bytes, where a smaller number is reached sooner.
fn real() -> Limits {
    Limits { stanza_bytes: 1 << 20, ..Limits::default() }
}

/// Each limit of the real ones: what it is, its value, a stanza of that size, and the violation beyond.
fn edges() -> Vec<(usize, Shape, Violation)> {
    let limits = real();
    let namespaces: Shape = |size| {
        let full = |count: usize| -> String { (0..count).map(|n| format!(" xmlns:p{n}='u'")).collect() };
        let rest = size % 64;
        format!("<a>{}<b{}/></a>", format!("<b{}/>", full(64)).repeat(size / 64), full(rest))
    };
    let prefixed: Shape = |size| {
        let full: String = (0..63).map(|n| format!(" p:a{n}='u'")).collect();
        let rest: String = (0..size % 63).map(|n| format!(" p:a{n}='u'")).collect();
        format!("<a>{}<b{rest}/></a>", format!("<b{full}/>").repeat(size / 63))
    };
    vec![
        (
            limits.stanza_bytes,
            |size| format!("<a>{}</a>", "x".repeat(size - 7)),
            Violation::StanzaBytes(limits.stanza_bytes),
        ),
        (
            limits.stanza_bytes,
            |size| format!("<a><![CDATA[{}]]></a>", "<".repeat(size - 19)),
            Violation::StanzaBytes(limits.stanza_bytes),
        ),
        (
            limits.depth,
            |size| format!("{}{}", "<a>".repeat(size), "</a>".repeat(size)),
            Violation::Depth(limits.depth),
        ),
        (
            limits.elements,
            |size| format!("<a>{}</a>", "<b/>".repeat(size - 1)),
            Violation::Elements(limits.elements),
        ),
        (
            limits.attributes,
            |size| format!("<a{}/>", (0..size).map(|n| format!(" b{n}='1'")).collect::<String>()),
            Violation::Attributes(limits.attributes),
        ),
        (limits.namespaces, namespaces, Violation::Namespaces(limits.namespaces)),
        (limits.namespaces, prefixed, Violation::Namespaces(limits.namespaces)),
        (
            limits.namespace_bytes,
            |size| format!("<a xmlns='{}'/>", "u".repeat(size)),
            Violation::NamespaceBytes(limits.namespace_bytes),
        ),
        (
            limits.namespace_bytes,
            |size| format!("<a xmlns:p=\"{}\" b='{}'/>", "u".repeat(size), "v".repeat(9999)),
            Violation::NamespaceBytes(limits.namespace_bytes),
        ),
        (
            limits.tag_bytes,
            |size| format!("<{}/>", "a".repeat(size - 3)),
            Violation::TagBytes(limits.tag_bytes),
        ),
        (
            limits.tag_bytes,
            |size| format!("<a {}='1'/>", "b".repeat(size - 9)),
            Violation::TagBytes(limits.tag_bytes),
        ),
        (
            limits.tag_bytes,
            |size| format!("<a b='{}'/>", "x".repeat(size - 9)),
            Violation::TagBytes(limits.tag_bytes),
        ),
    ]
}

#[test]
fn each_real_limit_holds_one_below_at_and_one_above_it() {
    for (limit, shape, violation) in edges() {
        for (size, expected) in [(limit - 1, None), (limit, None), (limit + 1, Some(violation))] {
            let text = format!("{OPEN}{}", shape(size));
            assert_eq!(scan(real(), text.as_bytes(), 4096).1, expected, "{violation} at {size}");

            // At a component the one stanza is left out, and the next one passes.
            let mut guard = Guard::lenient(real());
            let (mut held, mut out, mut most) = (Vec::new(), Vec::new(), 0);
            for piece in format!("{text}<next/>").as_bytes().chunks(4096) {
                assert_eq!(guard.filter(piece, &mut held, &mut out), None, "{violation} at {size}");
                most = most.max(held.len());
            }
            let kept = if expected.is_none() { text.len() } else { OPEN.len() };
            assert_eq!(out.len(), kept + "<next/>".len(), "{violation} at {size}");
            assert!(out.ends_with(b"<next/>"));
            assert!(most <= real().stanza_bytes, "{most} bytes were held");
        }
    }
}

#[test]
fn an_endless_stanza_costs_a_component_no_memory() {
    let mut guard = Guard::lenient(Limits { stanza_bytes: 1000, ..Limits::default() });
    let (mut held, mut out) = (Vec::new(), Vec::new());
    assert_eq!(guard.filter(format!("{OPEN}<message><body>").as_bytes(), &mut held, &mut out), None);
    for _ in 0..1000 {
        assert_eq!(guard.filter(&[b'x'; 4096], &mut held, &mut out), None);
        assert!(held.len() <= 1000);
    }
    assert!(held.is_empty());
    assert!(guard.unfinished().is_some());
    assert_eq!(guard.filter(b"</body></message><a/>", &mut held, &mut out), None);
    assert!(out.ends_with(b"'><a/>") && guard.unfinished().is_none());
}

#[test]
fn the_beginning_of_a_stream_is_limited_too() {
    for (input, expected) in [
        ("<!DOCTYPE s>", Violation::Prohibited("a document type")),
        ("<?xml-stylesheet href='x'?>", Violation::Prohibited("a processing instruction")),
        ("SSH-2.0-OpenSSH", Violation::Prohibited("text outside of a stanza")),
        ("<a><b/>x", Violation::Prohibited("text outside of a stanza")),
        (" <?xml version='1.0'?>", Violation::Prohibited("a processing instruction")),
        ("<?xml version='1.0'?><?xml version='1.0'?>", Violation::Prohibited("a processing instruction")),
    ] {
        assert_eq!(scan(small(), input.as_bytes(), 1).1, Some(expected), "{input}");
    }
    let endless = format!("<?xml {}", " ".repeat(200));
    assert_eq!(scan(small(), endless.as_bytes(), 7).1, Some(Violation::TagBytes(120)));
}

#[test]
fn a_limit_of_one_level_still_lets_plain_stanzas_pass() {
    let limits = Limits { depth: 1, ..small() };
    assert_eq!(scan(limits, format!("{OPEN}<a/><b></b>").as_bytes(), 3).1, None);
    assert_eq!(scan(limits, format!("{OPEN}<a><b/></a>").as_bytes(), 3).1, Some(Violation::Depth(1)));
}

#[test]
fn it_knows_whether_the_broken_stanza_is_counted_by_xep_0198() {
    let deep = "<b><b><b><b><b>";
    for (text, counted) in [
        (format!("<message to='x'>{deep}"), true),
        (format!("<iq>{deep}"), true),
        (format!("<presence>{deep}"), true),
        (format!("<presences>{deep}"), false),
        (format!("<message/><r>{deep}"), false),
        ("<message/><!-- -->".to_owned(), false),
    ] {
        let mut guard = Guard::new(small());
        assert!(guard.scan(format!("{OPEN}{text}").as_bytes()).1.is_some());
        assert_eq!(guard.in_counted_stanza(), counted, "{text}");
    }
}

/// What a stanza costs, counted on the built tree.
fn cost(element: &Element) -> (usize, usize, usize) {
    let children = element.children().map(cost).collect::<Vec<_>>();
    let depth = 1 + children.iter().map(|child| child.0).max().unwrap_or(0);
    let elements = 1 + children.iter().map(|child| child.1).sum::<usize>();
    let attributes =
        children.iter().map(|child| child.2).max().unwrap_or(0).max(element.attrs().iter().count());
    (depth, elements, attributes)
}

fn tree() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[a-z &]{0,6}".prop_map(|text| text.replace('&', "&amp;")),
        "[a-z<>'\"/!?]{0,12}".prop_map(|text| format!("<![CDATA[{text}]]>")),
    ];
    text.prop_recursive(6, 40, 4, |inner| {
        let attributes = proptest::collection::vec("[<]{0}[a-z=/> ]{0,6}", 0..5);
        (attributes, proptest::collection::vec(inner, 0..4)).prop_map(|(attributes, children)| {
            let attributes: String =
                attributes.iter().enumerate().map(|(index, value)| format!(" a{index}='{value}'")).collect();
            if children.is_empty() {
                format!("<e{attributes}/>")
            } else {
                format!("<e{attributes}>{}</e >", children.concat())
            }
        })
    })
}

proptest! {
    /// The scanner and a parser agree on depth, elements, attributes and bytes: a stanza passes exactly when its
    /// limits are not below what the parser counts.
    #[test]
    fn it_counts_what_a_parser_counts(body in tree(), chunk in 1_usize..40) {
        let stanza = format!("<m>{body}</m>");
        let input = format!("{OPEN}{stanza}");
        let mut frames = Frames::new(&Limits::default(), "jabber:client");
        let mut bytes = input.as_bytes();
        let mut built = None;
        while let Some(frame) = frames.next(&mut bytes).unwrap() {
            if let Frame::Element(element) = frame { built = Some(element); }
        }
        let (depth, elements, attributes) = cost(&built.unwrap());
        let exact = Limits { stanza_bytes: stanza.len().max(OPEN.len()), depth, elements, attributes: attributes.max(2), namespaces: 2, namespace_bytes: 100, tag_bytes: 1 << 16 };
        prop_assert_eq!(scan(exact, input.as_bytes(), chunk), (input.len(), None));
        let less = Limits { depth: depth - 1, ..exact };
        prop_assert_eq!(scan(less, input.as_bytes(), chunk).1, Some(Violation::Depth(depth - 1)));
        if elements > 1 {
            let less = Limits { elements: elements - 1, ..exact };
            prop_assert_eq!(scan(less, input.as_bytes(), chunk).1, Some(Violation::Elements(elements - 1)));
        }
        if attributes > 2 {
            let less = Limits { attributes: attributes - 1, ..exact };
            prop_assert_eq!(scan(less, input.as_bytes(), chunk).1, Some(Violation::Attributes(attributes - 1)));
        }
        if stanza.len() > OPEN.len() {
            let less = Limits { stanza_bytes: stanza.len() - 1, ..exact };
            prop_assert_eq!(scan(less, input.as_bytes(), chunk).1, Some(Violation::StanzaBytes(stanza.len() - 1)));
        }
    }

    /// Any bytes at all: no panic, and the pieces make no difference.
    #[test]
    fn any_bytes_in_any_pieces(input in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'<'), Just(b'>'), Just(b'\''), Just(b'!'), Just(b'['), Just(b']'), Just(b'-'), Just(b'?'), Just(b'/')], 0..300), chunk in 1_usize..50) {
        prop_assert_eq!(scan(small(), &input, chunk), scan(small(), &input, usize::MAX));
    }
}
