//! Resources that are read and prompts that are got, where policies hold them.

use approvals::HoldFilter;
use serde_json::{Value, json};
use tests::mcp;

use crate::plan::Plan;
use crate::stage::{HASTY, Stage};

const POLICY: &str = r#"
@id("everything")
permit (principal, action, resource);

@id("reads")
@approvers("1 of role:approver")
forbid (principal, action == Action::"read_resource", resource)
when { context.unattended };

@id("rome")
@approvers("1 of role:approver")
forbid (principal, action == Action::"get_prompt", resource)
when { context.unattended && context.argument_text like "*\"city\":\"Rome\"*" };
"#;

/// What one asks for, each time under another id, as every client of JSON-RPC does.
struct Asker<'a> {
    stage: &'a Stage,
    session: String,
    asked: u32,
}

impl Asker<'_> {
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let message =
            json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params});
        let headers = [("mcp-session-id", self.session.as_str())];
        let to = self.stage.agents();
        mcp::message(&mcp::send(to, "/mcp/airline", &headers, message.to_string()).body)
    }

    fn holds(&self) -> usize {
        self.stage.desk().holds(&HoldFilter::default()).len()
    }
}

#[test]
fn what_is_asked_for_again_under_another_id_waits_for_the_same_people() {
    let stage = Stage::of(Plan::new(POLICY).hold(HASTY));
    let session = mcp::session(stage.agents(), "/mcp/airline", &[]);
    let mut asker = Asker { stage: &stage, session, asked: 1 };
    let reads = [("file:///a", 1), ("file:///a", 1), ("file:///b", 2)];
    for (uri, holds) in reads {
        let answer = asker.ask("resources/read", &json!({"uri": uri}));
        assert!(answer.get("error").is_some(), "{answer}");
        assert_eq!(asker.holds(), holds, "{uri}: {answer}");
    }
    let cities = [("Rome", 3), ("Paris", 3), ("Rome", 3)];
    for (city, holds) in cities {
        let answer =
            asker.ask("prompts/get", &json!({"name": "trip", "arguments": {"city": city}}));
        assert!(answer.get("error").is_some(), "the airline has no prompts: {answer}");
        assert_eq!(asker.holds(), holds, "{city}: {answer}");
    }
    let (records, _folder) = stage.end();
    records.assert_complete();
    assert_eq!((records.count("call.held"), records.count("hold.rejoined")), (3, 2));
}
