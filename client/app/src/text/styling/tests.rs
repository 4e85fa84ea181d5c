//! Tests of the styling.

use super::*;

/// The markup, with the pale marks written as `‹*›` to keep the table readable.
fn short(text: &str) -> String {
    styled(text).replace(PALE, "‹").replace("</span>", "›")
}

#[test]
fn marks_style_as_the_specification_says() {
    for (text, expected) in [
        ("plain", "plain"),
        ("*bold*", "‹*›<b>bold</b>‹*›"),
        ("say _this_, `that` and ~not~", "say ‹_›<i>this</i>‹_›, ‹`›<tt>that</tt>‹`› and ‹~›<s>not</s>‹~›"),
        ("*_both_*", "‹*›<b>‹_›<i>both</i>‹_›</b>‹*›"),
        ("`*code*`", "‹`›<tt>*code*</tt>‹`›"),
        ("* not bold*", "* not bold*"),
        ("*not bold *", "*not bold *"),
        ("**", "**"),
        ("***", "‹*›<b>*</b>‹*›"),
        ("2*3*4", "2*3*4"),
        ("snake_case_name", "snake_case_name"),
        ("*two\nlines*", "*two\nlines*"),
        ("*one* *two*", "‹*›<b>one</b>‹*› ‹*›<b>two</b>‹*›"),
        ("```\n*x* <y>\n```\n*z*", "‹```›\n<tt>*x* &lt;y&gt;</tt>\n‹```›\n‹*›<b>z</b>‹*›"),
        ("```rust\nopen", "‹```rust›\n<tt>open</tt>"),
    ] {
        assert_eq!(short(text), expected, "{text:?}");
    }
}

#[test]
fn addresses_become_links() {
    let link = |address: &str| format!("<a href=\"{address}\">{address}</a>");
    for (text, expected) in [
        ("https://example.test", link("https://example.test")),
        ("see http://example.test/a?b=1.", format!("see {}.", link("http://example.test/a?b=1"))),
        ("(https://example.test/a_(b))", format!("({})", link("https://example.test/a_(b)"))),
        ("https://example.test/?a&b", link("https://example.test/?a&amp;b")),
        ("*https://example.test/*", format!("‹*›<b>{}</b>‹*›", link("https://example.test/"))),
        ("_see https://x.test/a_b c_", format!("‹_›<i>see {} c</i>‹_›", link("https://x.test/a_b"))),
        ("https://x.test/ü", link("https://x.test/ü")),
        ("`https://example.test`", "‹`›<tt>https://example.test</tt>‹`›".to_owned()),
    ] {
        assert_eq!(short(text), expected, "{text:?}");
    }
}

#[test]
fn the_first_link_is_found_by_its_place_in_the_text() {
    for text in
        ["https://x.test", "é <b> & *bold* https://x.test https://y.test", "one\n; _see https://x.test_"]
    {
        let place = text.find("https").map(|byte| text[..byte].chars().count());
        assert_eq!(
            first_link(&styled(text)).and_then(|place| usize::try_from(place).ok()),
            place,
            "{text:?}"
        );
    }
}

#[test]
fn what_misleads_is_no_link() {
    for text in [
        "https://",
        "https:///etc/passwd",
        "https://bank.test@evil.test/",
        "https://b\u{430}nk.test/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "xhttps://example.test",
        "https://\u{202A}example.test\u{202C}",
        &format!("https://example.test/{}", "a".repeat(ADDRESS)),
    ] {
        assert_eq!(first_link(&styled(text)), None, "{text:?}");
    }
}

#[test]
fn hostile_text_gives_good_markup_that_reads_as_given() {
    let many = "*a* `b` https://x.test/ ".repeat(3_000);
    let stars = "*a ".repeat(20_000);
    for text in [
        "<a href=\"file:///etc/passwd\">x</a> & &amp; <b>",
        "*<b>* _</b>_ `&`",
        "https://x.test/\"onclick='y'<b>",
        "https://x.test/*_~`",
        "*_~`*_~`*_~`",
        "```<tt>\n</tt>",
        &many,
        &stars,
    ] {
        let markup = styled(text);
        // Pango knows no links; a label takes them out before.
        let mut without = String::new();
        let mut rest = markup.as_str();
        while let Some((before, link)) = rest.split_once("<a href=") {
            without.push_str(before);
            rest = link.split_once('>').expect("the tag ends").1;
        }
        without.push_str(rest);
        let without = without.replace("</a>", "");
        let (_, read, _) = gtk::pango::parse_markup(&without, '\0').expect("good markup");
        assert_eq!(read, text);
    }
    assert_eq!(styled(&many).matches(PALE).count(), 2 * (MARKS - styled(&many).matches("<a ").count()));
}
