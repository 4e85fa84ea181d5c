use super::*;
use flint_runtime::core::model::Subscription;

fn person(name: &str, groups: &[&str], show: Show) -> PersonRow {
    PersonRow {
        jid: format!("{}@example.test", name.to_lowercase()).parse().expect("a JID"),
        name: name.to_owned(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        subscription: Subscription::Both,
        asked: false,
        show,
        status: String::new(),
    }
}

fn shape(model: &PeopleModel) -> String {
    let items = model.visible().iter::<PeopleItemObject>().filter_map(Result::ok);
    items
        .map(|object| {
            object.with(|item| match item {
                PeopleItem::Group { name, online, total, .. } => format!("{name}:{online}/{total}"),
                PeopleItem::Person(row) => row.name.clone(),
            })
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn office() -> PeopleModel {
    let model = PeopleModel::default();
    model.reset(vec![
        person("Ann", &["Legal"], Show::Available),
        person("Bob", &["Legal", "Board"], Show::Offline),
        person("Carla", &[], Show::Away),
    ]);
    model
}

/// Idle work of the model itself, without a display.
fn settle() {
    while glib::MainContext::default().iteration(false) {}
}

#[test]
fn people_stand_in_their_groups() {
    let model = office();
    assert_eq!(shape(&model), "Board:0/1 Bob Legal:1/2 Ann Bob Contacts:1/1 Carla");
    model.toggle("Legal");
    assert_eq!(shape(&model), "Board:0/1 Bob Legal:1/2 Contacts:1/1 Carla");
}

#[test]
fn nobody_is_in_the_list_twice_as_one_object() {
    let model = office();
    let twice = || {
        let items = model.visible().iter::<PeopleItemObject>().filter_map(Result::ok);
        let is_bob = |object: &PeopleItemObject| person_of(object).is_some_and(|row| row.name == "Bob");
        items.filter(is_bob).collect::<Vec<_>>()
    };
    let before = twice();
    assert!(before.len() == 2 && before[0] != before[1]);
    model.toggle("Legal");
    model.toggle("Legal");
    assert_eq!(twice(), before, "a rebuild makes no new objects");
    model.change(person("Bob", &["Legal", "Board"], Show::Away));
    assert!(twice().iter().all(|bob| person_of(bob).is_some_and(|row| row.show == Show::Away)));
}

#[test]
fn a_filter_opens_groups_and_hides_empty_ones() {
    let model = office();
    model.toggle("Legal");
    for (filter, expected) in [
        ("ann", "Legal:1/2 Ann"),
        ("BOB example", "Board:0/1 Bob Legal:1/2 Bob"),
        ("nobody", ""),
        ("  ", "Board:0/1 Bob Legal:1/2 Contacts:1/1 Carla"),
    ] {
        model.set_filter(filter);
        assert_eq!(shape(&model), expected, "{filter:?}");
    }
}

#[test]
fn presence_changes_counts_in_place_and_moves_rebuild() {
    let context = glib::MainContext::default();
    let _main = context.acquire().expect("no other thread runs the default context");
    let model = office();
    let first = model.visible().item(0);
    model.change(person("Bob", &["Legal", "Board"], Show::Chat));
    assert_eq!(shape(&model), "Board:1/1 Bob Legal:2/2 Ann Bob Contacts:1/1 Carla");
    assert_eq!(model.visible().item(0), first, "no rebuild for presence");
    model.change(person("Carla", &["Board"], Show::Away));
    model.change(person("Dora", &[], Show::Away));
    model.remove(&"ann@example.test".parse().expect("a JID"));
    model.remove(&"stranger@example.test".parse().expect("a JID"));
    settle();
    assert_eq!(shape(&model), "Board:2/2 Bob Carla Legal:1/1 Bob Contacts:1/1 Dora");
}
