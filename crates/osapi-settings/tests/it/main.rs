//! Settings as a program reads them: layers, defaults, and everything wrong at once.

#![expect(clippy::unwrap_used, reason = "helpers of tests; what fails here fails the test")]

use std::time::Duration;

use osapi_settings::{
    Declaration, Document, Environment, ExposeSecret as _, Layer, Reader, Scope, SettingsError, reference_page,
    template,
};

/// A section of each kind of key, as a program would have it.
#[derive(Debug)]
struct Example {
    port: u16,
    max_age: Duration,
    max_bytes: u64,
    auth: u8,
    key: Option<String>,
    origins: Vec<String>,
    labels: Vec<(String, String)>,
    roles: Vec<(String, Vec<String>)>,
    users: Vec<String>,
}

fn read(reader: &Reader) -> Example {
    let server = reader.section("server");
    let example = Example {
        port: server.integer("port", 8080, 1..=65535, "TCP port"),
        max_age: server.duration("max_age", "7d", "1s"..="366d", "how long jobs are kept"),
        max_bytes: server.size("max_bytes", "100MiB", "1MiB"..="1TiB", "how much is kept"),
        auth: server.choice("auth", "none", &[("none", 0), ("nkey", 1)], "how clients prove who they are"),
        key: server.secret("key", "the signing key").map(|key| key.expose_secret().to_owned()),
        origins: server.list("origins", "URLs", &[], "who may call"),
        labels: reader.section("worker").pairs("labels", "labels", "what it answers to"),
        roles: server.entries("roles", |_, role| role.list("permissions", "permissions", &[], "what the role may")),
        users: server.items("users", |user| user.text("name", "", "the user's name")),
    };
    if example.auth == 1 {
        server.require("key", "the server signs with it");
    }
    example
}

fn reader(file: &str, variables: &[(&str, &str)], flags: Layer) -> Reader {
    let environment = Environment::from_pairs(variables.iter().copied());
    Reader::new("T", Document::parse("t.yaml", file).unwrap(), &environment).with_flags(flags)
}

fn load(file: &str, variables: &[(&str, &str)]) -> Result<(Example, Vec<Declaration>), SettingsError> {
    let reader = reader(file, variables, Layer::new());
    let example = read(&reader);
    reader.finish().map(|declared| (example, declared))
}

fn problems(file: &str, variables: &[(&str, &str)]) -> String {
    load(file, variables).unwrap_err().to_string()
}

#[test]
fn nothing_given_means_every_default() {
    let (example, declared) = load("", &[]).unwrap();
    assert_eq!((example.port, example.auth, example.key), (8080, 0, None));
    assert_eq!((example.max_age, example.max_bytes), (Duration::from_secs(7 * 86_400), 100 << 20));
    assert!(declared.iter().all(|one| one.value.is_none()));
}

#[test]
fn a_variable_overrides_a_key_whether_the_file_has_it_or_not() {
    let file = "server: {port: 1, origins: [a, b]}\nworker: {labels: {group: web.dev}}";
    let (example, _) = load(file, &[]).unwrap();
    assert_eq!((example.port, example.origins.len()), (1, 2));
    assert_eq!(example.labels, [("group".to_owned(), "web.dev".to_owned())]);

    let variables = [
        ("T_SERVER_PORT", "2"),
        ("T_SERVER_MAX_AGE", "1h30m"),
        ("T_SERVER_ORIGINS", "x, y,z"),
        ("T_WORKER_LABELS", "group:db,role:a.b"),
    ];
    let (example, declared) = load(file, &variables).unwrap();
    assert_eq!((example.port, example.max_age.as_secs()), (2, 5400));
    assert_eq!(example.origins, ["x", "y", "z"]);
    assert_eq!(example.labels.len(), 2);
    let port = declared.iter().find(|one| one.path == "server.port").unwrap();
    assert_eq!(port.origin.as_ref().unwrap().to_string(), "T_SERVER_PORT");
}

#[test]
fn flags_beat_variables_beat_the_context_beats_the_file() {
    for (flag, variable, context, port) in [
        (Some("4"), Some("3"), Some("2"), 4),
        (None, Some("3"), Some("2"), 3),
        (None, None, Some("2"), 2),
        (None, None, None, 1),
    ] {
        let variables: Vec<(&str, &str)> = variable.map(|text| ("T_SERVER_PORT", text)).into_iter().collect();
        let reader = reader("server: {port: 1}", &variables, Layer::new().with_some("server.port", flag, "--port"))
            .with_context(Layer::new().with_some("server.port", context, "context `x`"));
        assert_eq!(read(&reader).port, port);
        reader.finish().unwrap();
    }
}

#[test]
fn everything_wrong_is_reported_at_once_with_its_place() {
    let file = "server:\n  port: 70000\n  max_age: 7 moons\n  prot: 1\n  auth: password\n  origins: {a: b}\nsever: {}\nworker: 5\n";
    assert_eq!(
        problems(file, &[("T_SERVER_MAX_BYTES", "lots"), ("T_SERVER_PROT", "1")]),
        "t.yaml:2: `server.port` is `70000`: it must be a whole number from 1 to 65535\n\
         t.yaml:3: `server.max_age` is `7 moons`: it must be a duration with its unit, from `1s` to `366d`\n\
         t.yaml:4: `server.prot` is not a key; did you mean `server.port`?\n\
         t.yaml:5: `server.auth` is `password`: it must be one of `none`, `nkey`\n\
         t.yaml:6: `server.origins` must be a list\n\
         t.yaml:7: `sever` is not a key; did you mean `server`?\n\
         t.yaml:8: `worker` must hold further keys, not a value\n\
         T_SERVER_MAX_BYTES: `server.max_bytes` is `lots`: it must be bytes, plain or with a unit, from `1MiB` to `1TiB`\n\
         T_SERVER_PROT: there is no such setting; did you mean `T_SERVER_PORT`?"
    );
}

#[test]
fn what_is_needed_and_missing_is_named_with_both_ways_to_give_it() {
    assert_eq!(
        problems("server: {auth: nkey}", &[]),
        "`server.key` (or T_SERVER_KEY) is not set: the server signs with it"
    );
    load("server: {auth: nkey}", &[("T_SERVER_KEY", "k")]).unwrap();
}

#[test]
fn a_secret_is_never_shown() {
    let (_, declared) = load("server: {key: hush}", &[]).unwrap();
    assert!(!format!("{declared:?}").contains("hush"));
    assert!(!problems("server: {key: [hush]}", &[]).contains("hush"));
}

#[test]
fn free_names_and_lists_of_sections_are_read_and_checked() {
    let (example, declared) =
        load("server:\n  roles:\n    ops: {permissions: [a, b]}\n  users:\n    - name: x\n    - name: y\n", &[])
            .unwrap();
    assert_eq!(example.roles, [("ops".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
    assert_eq!(example.users, ["x", "y"]);
    assert!(declared.iter().any(|one| one.path == "server.roles.ops.permissions" && one.scope == Scope::Instance));
    assert_eq!(
        problems("server:\n  roles:\n    ops: {permission: [a]}\n  users:\n    - nam: x\n", &[]),
        "t.yaml:3: `server.roles.ops.permission` is not a key; did you mean `server.roles.ops.permissions`?\n\
         t.yaml:5: `server.users[0].nam` is not a key; did you mean `server.users[0].name`?"
    );
}

#[test]
fn a_retired_key_is_accepted_and_told_of() {
    let reader = reader("server: {queue: {name: x}}", &[("T_SERVER_OLD", "1")], Layer::new());
    let server = reader.section("server");
    server.retired("queue", "there is one queue");
    server.retired("old", "it is gone");
    server.retired("other", "it is gone too");
    let declared = reader.finish().unwrap();
    let told: Vec<_> = declared.iter().filter_map(|one| Some(one.origin.as_ref()?.to_string())).collect();
    assert_eq!(told, ["t.yaml:1", "T_SERVER_OLD"]);
    assert!(!template(&declared, &[]).contains("queue"));
}

#[test]
fn the_template_is_a_file_that_reads_back() {
    let (_, declared) = load("", &[]).unwrap();
    let text = template(&declared, &[("server.port", "9090".to_owned())]);
    let (example, _) = load(&text, &[]).unwrap();
    assert_eq!(example.port, 9090);
    assert!(text.contains("server:\n  # TCP port (a whole number from 1 to 65535)\n  port: 9090\n"), "{text}");
    let page = reference_page(&declared);
    assert!(
        page.contains("| `server.roles.<name>.permissions` | list of permissions | empty | what the role may. |"),
        "{page}"
    );
}
