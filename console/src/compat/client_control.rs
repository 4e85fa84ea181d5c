//! Openfire's Client Control: the feature list that Spark asks for at sign-in. Listed is permitted.
//!
//! Only a mandatory policy takes a feature away: what is merely recommended is the person's own to choose.

use flint_policy::EffectivePolicy;

/// Every feature, in the order of the Openfire component (recorded from a real one).
const FEATURES: [&str; 34] = [
    "accounts-reg",
    "add-contacts",
    "add-groups",
    "advanced-config",
    "avatar-tab",
    "broadcast",
    "removals",
    "renames",
    "file-transfer",
    "ibb-only",
    "help-forums",
    "help-userguide",
    "history-settings",
    "history-transcripts",
    "host-name",
    "invisible-login",
    "anonymous-login",
    "logout-exit",
    "move-copy",
    "muc",
    "password-change",
    "person-search",
    "plugins-menu",
    "preferences-menu",
    "presence-status",
    "vcard",
    "save-password",
    "updates",
    "view-notes",
    "view-tasks",
    "start-a-chat",
    "hostname-as-resource",
    "version-as-resource",
    "idle",
];

/// What somebody with these policies is permitted.
pub fn permitted(effective: &EffectivePolicy) -> Vec<&'static str> {
    let locked = effective.managed_by("ContactAddingAllowed").is_some();
    let no_contacts = locked && !effective.contact_adding_allowed();
    // `ibb-only` is a restriction, not a permission: listing it would force slow transfers on everybody.
    FEATURES
        .into_iter()
        .filter(|feature| *feature != "ibb-only" && !(no_contacts && *feature == "add-contacts"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flint_policy::{Inputs, Layer, Level, Source, resolve};

    #[test]
    fn only_a_mandatory_off_takes_add_contacts_away() {
        for (level, value, expected) in [
            (Level::Mandatory, false, false),
            (Level::Mandatory, true, true),
            (Level::Recommended, false, true),
        ] {
            let values = [("ContactAddingAllowed".to_owned(), value.into())].into_iter().collect();
            let layer = Layer { source: Source::ServerEverybody, level, values };
            let effective = resolve(&Inputs { layers: vec![layer], ..Inputs::default() });
            assert_eq!(permitted(&effective).contains(&"add-contacts"), expected, "{level:?} {value}");
        }
        assert_eq!(permitted(&EffectivePolicy::default()).len(), 33);
    }
}
