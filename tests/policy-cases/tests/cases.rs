//! Runs every case, and sees to it that no policy is without one.

use std::fs;
use std::path::Path;

use flint_policy::catalog::CATALOG;
use flint_test_policy_cases::Case;

fn cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut cases: Vec<_> = fs::read_dir(folder)
        .expect("the folder of cases")
        .map(|entry| {
            let path = entry.expect("an entry of the folder").path();
            let case = Case::parse(&fs::read_to_string(&path).expect("a text file"));
            (path.display().to_string(), case.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        })
        .collect();
    cases.sort_by(|a, b| a.0.cmp(&b.0));
    cases
}

#[test]
fn every_case_comes_out_as_told() {
    let failed: Vec<_> = cases()
        .iter()
        .flat_map(|(name, case)| {
            case.differences()
                .into_iter()
                .map(|line| format!("{name} ({}): {line}", case.about))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}

#[test]
fn every_policy_has_a_case_with_a_value_and_one_with_a_problem() {
    let cases = cases();
    for definition in CATALOG {
        let valued = cases.iter().any(|(_, case)| {
            case.expect
                .get(definition.name)
                .is_some_and(|expected| expected.value != definition.default_value())
        });
        assert!(valued, "no case gives {} another value than its default", definition.name);
        let refused = cases.iter().any(|(_, case)| {
            case.problems.iter().any(|problem| {
                problem.contains(&format!(": {}:", definition.name))
                    || problem.contains(&format!(": {}[", definition.name))
            })
        });
        assert!(refused, "no case refuses a value of {}", definition.name);
    }
}

#[test]
fn a_wrong_expectation_is_noticed() {
    let (_, mut case) =
        cases().into_iter().find(|(name, _)| name.ends_with("/everybody-and-group.json")).unwrap();
    assert!(case.differences().is_empty());
    case.expect.get_mut("ContactAddingAllowed").unwrap().source = "server, everybody".into();
    assert_eq!(case.differences().len(), 1);
    case.expect.clear();
    assert!(!case.differences().is_empty(), "what is not named has to have its default");
}
