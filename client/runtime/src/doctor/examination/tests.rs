use super::*;

fn begun(stage: Stage) -> Progress {
    Progress::Begun(stage)
}

fn passed(stage: Stage, words: &str) -> Progress {
    Progress::Passed(stage, words.to_owned())
}

fn after(steps: Vec<Progress>, error: &ConnectError) -> Report {
    let mut told = 0;
    let mut tell = |_: &Report| told += 1;
    let mut course = Course { report: Report::default(), told: &mut tell };
    course.pass(CheckId::Ticket, "ann@EXAMPLE.TEST".to_owned());
    let mut attempt = Attempt::new(false);
    for step in steps {
        course.step(&mut attempt, step);
    }
    course.refused(&attempt, error);
    let report = course.finish();
    assert!(told > 2);
    report
}

fn outcomes(report: &Report) -> String {
    report.checks.iter().map(|check| check.outcome.sign()).collect()
}

#[test]
fn a_second_server_takes_the_place_of_the_first_and_the_rest_is_not_tried() {
    let steps = vec![
        begun(Stage::ServerName),
        passed(Stage::ServerName, "a:1, b:2"),
        begun(Stage::Connection),
        passed(Stage::Connection, "a:1"),
        begun(Stage::Certificate),
        begun(Stage::Connection),
    ];
    let error = ConnectError::Network("reset".to_owned());
    let report = after(steps, &error);
    assert_eq!(outcomes(&report), "✓✓✗––––");
    let failed = report.failure().unwrap();
    assert_eq!((failed.id, failed.code.as_deref()), (CheckId::Connection, Some("server-reset")));
    assert_eq!(failed.detail.as_deref(), Some(error.reason().as_str()));
    assert_eq!(failed.next_step.as_deref(), Some(error.next_step().as_str()));
    assert!(report.finished);
    let text = report.to_text();
    assert!(
        text.contains("✗ Connection: ")
            && text.contains("– Sign-in: Not tried, because “Connection” failed.")
    );
}

#[test]
fn an_error_belongs_to_the_step_it_is_about() {
    let steps = || vec![passed(Stage::ServerName, "a:1"), begun(Stage::Connection)];
    let error = ConnectError::NotOffered { domain: "a".to_owned() };
    assert_eq!(outcomes(&after(steps(), &error)), "✓✗–––––");
    let steps = vec![passed(Stage::Mechanisms, "PLAIN"), begun(Stage::ServiceTicket)];
    let error = ConnectError::Mechanism { wanted: "GSSAPI".to_owned(), offered: Vec::new() };
    assert_eq!(after(steps, &error).failure().unwrap().id, CheckId::Mechanisms);
}

#[tokio::test]
async fn a_wrong_certificate_file_is_named() {
    let mut options = Options::default();
    options.account.jid = Some("ann@example.test".parse().unwrap());
    options.account.sign_in = SignIn::Password("hunter2".into());
    options.account.ca_files = vec!["/nonexistent/ca.pem".into()];
    let report = examine(&options, &mut |_| {}).await;
    let failed = report.failure().unwrap();
    assert_eq!(failed.code.as_deref(), Some("certificate-file"));
    assert!(failed.detail.as_ref().unwrap().contains("/nonexistent/ca.pem"));
    assert!(
        !report.to_text().contains("hunter2") && !serde_json::to_string(&report).unwrap().contains("hunter2")
    );
}

#[tokio::test]
async fn where_only_tickets_count_the_password_is_not_tried() {
    let place = tempfile::tempdir().unwrap();
    let managed = place.path().join("etc/policies/managed");
    std::fs::create_dir_all(&managed).unwrap();
    std::fs::write(managed.join("a.json"), r#"{"SingleSignOnRequired": true}"#).unwrap();
    let paths = crate::Paths { machine: place.path().join("etc"), state: place.path().join("state") };
    let mut options = Options { paths, ..Options::default() };
    options.account.jid = Some("ann@example.test".parse().unwrap());
    options.account.sign_in = SignIn::Password("hunter2".into());
    // Nothing of this gets to a server, with a ticket or without one.
    options.account.ca_files = vec!["/nonexistent/ca.pem".into()];
    let report = examine(&options, &mut |_| {}).await;
    let ticket = report.checks.iter().find(|check| check.id == CheckId::Ticket).unwrap();
    assert_ne!(ticket.outcome, Outcome::Skipped, "{}", report.to_text());
    assert!(!report.to_text().contains("a password is used"), "{}", report.to_text());
}
