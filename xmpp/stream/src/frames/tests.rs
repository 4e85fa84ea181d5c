use super::*;

const STREAM: &str = "<?xml version='1.0'?>\n<stream:stream id='s1' version='1.0' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'> <message id='1'><body>a&lt;b&#x20AC;<![CDATA[<c>]]></body></message>\
    \n<stream:features><x xmlns='urn:x' y='\"1\"'/></stream:features><iq/>ä";

/// All frames of the pieces, and the error that ended them.
fn read(pieces: &[&[u8]]) -> (Vec<Frame>, Option<String>) {
    let mut frames = Frames::new(&Limits::default(), "jabber:client");
    let mut all = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        loop {
            match frames.next(&mut input) {
                Ok(Some(frame)) => all.push(frame),
                Ok(None) => break,
                Err(error) => return (all, Some(error)),
            }
        }
    }
    (all, None)
}

#[test]
fn it_reads_the_same_wherever_the_bytes_are_split() {
    let input = STREAM.as_bytes();
    let end = STREAM.len() - "ä".len();
    let whole = read(&[&input[..end], b"</stream:stream>"]);
    assert_eq!(whole.1, None);
    assert_eq!(whole.0.len(), 5, "{:?}", whole.0);
    assert_eq!(whole.0[0], Frame::Open(Header { id: Some("s1".into()), version: Some("1.0".into()) }));
    let Frame::Element(message) = &whole.0[1] else { panic!() };
    assert_eq!(message.get_child("body", "jabber:client").unwrap().text(), "a<b€<c>");
    assert_eq!(whole.0[4], Frame::Close);
    for split in 0..end {
        assert_eq!(
            read(&[&input[..split], &input[split..end], b"</stream:stream>"]),
            whole,
            "split at {split}"
        );
    }
    let single: Vec<&[u8]> = input[..end].chunks(1).chain([b"</stream:stream>".as_slice()]).collect();
    assert_eq!(read(&single), whole);
    let (frames, error) = read(&[input, b"</stream:stream>"]);
    assert_eq!(frames.len(), 4);
    assert_eq!(error.as_deref(), Some("text between stanzas"));
}

#[test]
fn what_is_not_well_formed_ends_it() {
    let open = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
    for (text, complete) in [
        ("<a></b>", 0),
        ("<a/><b", 1),
        ("<a b='1' b='2'/>", 0),
        ("<x:a/>", 0),
        ("<a>&nbsp;</a>", 0),
        ("<a>\u{1}</a>", 0),
        ("<a b='<'/>", 0),
        ("<a b=1/>", 0),
        ("<a/>&#0;", 1),
    ] {
        let (frames, error) = read(&[open.as_bytes(), text.as_bytes(), b" <"]);
        assert!(error.is_some() || complete == 1, "{text}");
        assert_eq!(frames.len(), 1 + complete, "{text}");
    }
    for header in ["<html>", "<stream xmlns='jabber:client'>"] {
        assert!(read(&[header.as_bytes()]).1.is_some(), "{header}");
    }
}
