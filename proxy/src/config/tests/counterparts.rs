//! Where people decide in another process: the file of the gateway, and that of the service.

use super::*;

const SERVICE: &str = "[approvals.service]\nurl = \"https://approvals.example.com\"\n\
                       key = { env = \"SUPPORT_BOT_KEY\" }\n";

const ROLE: &str = r#"
data = "service"
[listen]
people = "127.0.0.1:9081"
[approvals]
url = "https://approvals.example.com"
[people.roles]
approver = ["finance"]
[[gateway]]
name = "north"
url = "https://north.example.com"
key = { env = "SUPPORT_BOT_KEY" }
[[gateway]]
name = "south"
url = "http://127.0.0.1:8081"
key = { env = "SUPPORT_BOT_KEY_NEXT" }
"#;

fn role(text: &str) -> Result<LoadedApprovals, Problems> {
    ApprovalsRole::parse(text, Path::new("etc/approvals.toml"), &found_in(KEPT))
}

#[test]
fn a_gateway_names_the_service_and_leaves_people_to_it() {
    let loaded = parse(&format!("{SERVICE}[people]\naccounts = true\n")).unwrap();
    let service = loaded.config.service.as_ref().unwrap();
    assert_eq!(service.url.to_string(), "https://approvals.example.com");
    assert!(!loaded.config.people.accounts, "nobody signs in at the gateway");
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("`people` is not used: people decide at the service"));
    let said = describe(&loaded.config);
    assert!(said.contains("service   people decide at https://approvals.example.com\n"), "{said}");
}

#[test]
fn a_service_has_gateways_people_and_no_agents() {
    let LoadedApprovals { role: read, warnings, .. } = role(ROLE).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(read.config.data, Path::new("etc/service"));
    let names: Vec<&str> = read.gateways.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["north", "south"]);
    let said = describe_approvals(&read);
    assert!(said.contains("gateway   north: https://north.example.com\n"), "{said}");
    assert!(said.contains("people    http://127.0.0.1:9081\n"), "{said}");
}

#[test]
fn what_two_processes_tell_each_other_is_safe_on_the_way_and_no_gateway_has_anothers_key() {
    for (from, to, problem) in [
        ("https://north.example.com", "http://north.example.com", "expected `https://`"),
        ("https://north.example.com", "https://north.example.com/a", "without a path"),
        ("SUPPORT_BOT_KEY_NEXT", "SUPPORT_BOT_KEY", "is that of another gateway"),
        ("SUPPORT_BOT_KEY_NEXT", "SHORT", "fewer than 16 bytes"),
        ("name = \"south\"", "name = \"north\"", "`north` is taken"),
        ("people = \"", "agents = \"127.0.0.1:1\"\npeople = \"", "there is no key `agents`"),
        (
            "[approvals]\n",
            "[approvals]\nservice = { url = \"https://a.example\", key = { env = \"SUPPORT_BOT_KEY\" } }\n",
            "remove `service`",
        ),
    ] {
        let problems = role(&ROLE.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(problems.contains(problem), "{to}: {problems}");
    }
    let problems = role("data = \"x\"\n").unwrap_err().to_string();
    assert!(problems.contains("there is no gateway"), "{problems}");
}
