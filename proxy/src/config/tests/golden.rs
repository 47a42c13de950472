//! What an operator is told, word for word.

use super::*;

#[track_caller]
fn tells(text: &str, expected: &str) {
    let told = problems(text);
    assert_eq!(told, expected.trim_matches('\n'), "\n{told}\n");
}

#[test]
fn all_problems_are_told_at_once_with_what_to_do() {
    tells(
        r#"dat = 1
[listen]
agent = "x"
people = "localhost:80"
[limits]
header_timeout = 30
body_bytes_max = "64 MB"
json_depth_max = 5000
drain_timeout = "25h"
"#,
        r#"
etc/countersign.toml:1:1: dat: there is no key `dat`
    1 | dat = *
      | ^^^
hint: did you mean `data`?

etc/countersign.toml:3:1: listen.agent: there is no key `agent`
    3 | agent = "*"
      | ^^^^^
hint: did you mean `agents`?

etc/countersign.toml:4:10: listen.people: expected an address and a port, found `localhost:80`
    4 | people = "localhost:80"
      |          ^^^^^^^^^^^^^^
hint: write numbers, as in `127.0.0.1:8080` or `[::1]:8080`

etc/countersign.toml:6:18: limits.header_timeout: expected a duration such as `30s`, found `30`
    6 | header_timeout = 30
      |                  ^^
hint: the units are `ms`, `s`, `m`, `h` and `d`

etc/countersign.toml:7:18: limits.body_bytes_max: expected a size such as `64 MiB`, found `64 MB`
    7 | body_bytes_max = "64 MB"
      |                  ^^^^^^^
hint: the units are `B`, `KiB`, `MiB` and `GiB`

etc/countersign.toml:8:18: limits.json_depth_max: expected a number from 8 to 1024, found `5000`
    8 | json_depth_max = 5000
      |                  ^^^^

etc/countersign.toml:9:17: limits.drain_timeout: expected `1ms` to `24h`, found `25h`
    9 | drain_timeout = "25h"
      |                 ^^^^^
"#,
    );
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    tells(
        r#"[[model]]
name = "openai"
dialect = "OpenAI"
url = "https://u:pw@api.openai.com"
key = "sk-live-123"
api_key = "sk-live-456"
[[tools]]
name = "crm"
url = "http://127.0.0.1:9000/mcp"
headers = { Cookie = "session=sk-live-789" }
"#,
        r#"
etc/countersign.toml:3:11: model.openai.dialect: expected `openai` or `anthropic`, found `OpenAI`
    3 | dialect = "OpenAI"
      |           ^^^^^^^^
hint: did you mean `openai`?

etc/countersign.toml:4:7: model.openai.url: the address must not hold a user or password
    4 | url = "***************************"
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

etc/countersign.toml:5:7: model.openai.key: expected a reference to a secret, found text
    5 | key = "***********"
      |       ^^^^^^^^^^^^^
hint: keep it elsewhere and name the place: `{ env = "NAME" }` or `{ file = "PATH" }`

etc/countersign.toml:6:1: model.openai.api_key: there is no key `api_key`
    6 | api_key = "***********"
      | ^^^^^^^
hint: did you mean `key`?

etc/countersign.toml:10:22: tools.crm.headers.Cookie: expected a reference to a secret, found text
   10 | headers = { Cookie = "*******************" }
      |                      ^^^^^^^^^^^^^^^^^^^^^
hint: keep it elsewhere and name the place: `{ env = "NAME" }` or `{ file = "PATH" }`
"#,
    );
}

#[test]
fn a_key_in_the_wrong_place_is_never_shown() {
    const KEY: &str = "cs_live_0123456789";
    for line in [
        "key = \"KEY\"",
        "key = [\"KEY\"]",
        "key = { env = \"$KEY\" }",
        "key = { envv = \"KEY\" }",
        "key_hash = \"KEY\"",
        "key_hash = [\"KEY\"]",
        "key_hash = \"sha256:KEY\"",
        "keys = \"KEY\"",
        "keys = { env = \"KEY-\" }",
        "keys = [\"KEY\", [\"KEY\"]]",
        "keyy = \"KEY\"",
        "subject = \"x\"\nkey = \"KEY\"",
        "[[provider]]\nclient_secret = \"KEY\"",
        "[[provider]]\nissuer = \"https://u:KEY@login.example\"",
        "[[issuer]]\nurl = \"https://login.example/?k=KEY\"",
        "[[issuer]]\njwks = \"https://u:KEY@login.example\"",
        "[approvals]\nurl = \"https://KEY@login.example\"",
        "[listen]\nagents_url = \"https://login.example#KEY\"",
        "[mail]\npassword = \"KEY\"",
        "[mail]\npassword = [\"KEY\"]",
        "[[webhook]]\nsecret = \"KEY\"",
        "[[webhook]]\nsecret = \"KEY\"\nkind = \"slack\"",
        "[[webhook]]\nurl = \"https://hooks.slack.example/KEY\"\nkind = \"slack\"",
        "[[webhook]]\nurl = \"https://hooks.example/?key=KEY\"",
        "key = \"KEY",
        "key = KEY",
        "key \"KEY\"",
        "key = \"\"\"KEY",
        "[[tools]]\nheaders = \"Authorization: KEY\"",
        "[[tools]]\ncommand = [\"x\"]\nenv = [\"TOKEN=KEY\"]",
        "[[tools]]\ncommand = [\"x\"]\nenv = { API_TOKEN = \"KEY\" }",
    ] {
        let told = problems(&format!("[[agent]]\n{}\n", line.replace("KEY", KEY)));
        assert!(!told.contains(KEY), "{line}\n{told}");
    }
}

#[test]
fn an_agent_without_a_usable_key_is_told_why() {
    tells(
        r#"[[agent]]
name = "a"
[[agent]]
name = "a"
owner = "ada"
key = { env = "SHORT" }
keys = [{ env = "NONE" }, { env = "EMPTY" }, {}]
[[agent]]
name = "b"
owner = "ada"
key = { env = "SUPPORT_BOT_KEY" }
keys = [{ env = "SUPPORT_BOT_KEY" }]
tools = ["crm"]
"#,
        r#"
etc/countersign.toml:1:1: agent.a: `owner` is missing
    1 | [[agent]]
      | ^^^^^^^^^
hint: every call is made for someone: `owner = "ada@example.com"`

etc/countersign.toml:1:1: agent.a: an agent needs a key: `key`, `key_hash` or `keys`
    1 | [[agent]]
      | ^^^^^^^^^
hint: `countersign keygen` makes a key and its `key_hash`

etc/countersign.toml:4:8: agent.a.name: `a` is taken
    4 | name = "a"
      |        ^^^
hint: it is used on line 2; choose another name

etc/countersign.toml:6:7: agent.a.key: the key has fewer than 16 characters
    6 | key = { env = "SHORT" }
      |       ^^^^^^^^^^^^^^^^^
hint: `countersign keygen` makes a key and its `key_hash`

etc/countersign.toml:7:9: agent.a.keys: no secret in environment variable `NONE`: it is not set
    7 | keys = [{ env = "NONE" }, { env = "EMPTY" }, {}]
      |         ^^^^^^^^^^^^^^^^
hint: set `NONE` where the gateway is started

etc/countersign.toml:7:27: agent.a.keys: environment variable `EMPTY` is empty
    7 | keys = [{ env = "NONE" }, { env = "EMPTY" }, {}]
      |                           ^^^^^^^^^^^^^^^^^

etc/countersign.toml:7:46: agent.a.keys: expected either `env` or `file`
    7 | keys = [{ env = "NONE" }, { env = "EMPTY" }, {}]
      |                                              ^^
hint: keep it elsewhere and name the place: `{ env = "NAME" }` or `{ file = "PATH" }`

etc/countersign.toml:12:9: agent.b.keys: this key is the same as one of `b`
   12 | keys = [{ env = "SUPPORT_BOT_KEY" }]
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^
hint: it is used on line 11; each key belongs to one agent, once

etc/countersign.toml:13:10: agent.b.tools: a tool pattern names server and tool, as in `crm/*`
   13 | tools = ["crm"]
      |          ^^^^^
"#,
    );
}

#[test]
fn upstreams_that_contradict_each_other_or_themselves_are_refused() {
    tells(
        r#"[limits]
memory_bytes_max = "32 MiB"
[listen]
people = "0.0.0.0:8080"
[[model]]
name = "one"
dialect = "openai"
url = "https://one.example/v1"
serves = ["gpt-*"]
[[model]]
name = "two"
dialect = "openai"
url = "https://two.example/v1"
serves = ["gpt-*"]
[tools.crm]
url = "http://127.0.0.1:9000"
"#,
        r#"
etc/countersign.toml:2:20: limits.memory_bytes_max: `body_bytes_max` is more than `memory_bytes_max`
    2 | memory_bytes_max = "32 MiB"
      |                    ^^^^^^^^
hint: the largest body must fit into the memory for all bodies

etc/countersign.toml:4:10: listen.people: `agents` and `people` listen on the same port
    4 | people = "0.0.0.0:8080"
      |          ^^^^^^^^^^^^^^
hint: give each its own: agents must not reach the pages where calls are approved

etc/countersign.toml:14:11: model.two.serves: `gpt-*` is served by `one` as well
   14 | serves = ["gpt-*"]
      |           ^^^^^^^
hint: of two providers, one must serve it

etc/countersign.toml:15:2: tools: expected a list of tables, found a table
   15 | [tools.crm]
      |  ^^^^^
hint: write `[[tools]]`
"#,
    );
    tells(
        r#"[[tools]]
name = "X"
url = "crm.example"
command = ["crm"]
[[tools]]
name = "files"
command = []
key = { env = "OPENAI_API_KEY" }
"#,
        r#"
etc/countersign.toml:1:1: tools.X: expected either `url` or `command`
    1 | [[tools]]
      | ^^^^^^^^^
hint: `url` for a server on the network, `command` for one the gateway starts

etc/countersign.toml:2:8: tools.X.name: expected at most 32 small letters, digits and `-`, found `X`
    2 | name = "X"
      |        ^^^

etc/countersign.toml:7:11: tools.files.command: expected a command
    7 | command = []
      |           ^^
hint: the program and its arguments: `command = ["python3", "server.py"]`

etc/countersign.toml:8:7: tools.files.key: `key` goes with `url`, which is not here
    8 | key = { env = "OPENAI_API_KEY" }
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
}

#[test]
fn a_text_that_is_not_toml_is_told_line_by_line() {
    tells(
        "data = \n[listen]\nagents = 127.0.0.1:8080\npeople \"x\"\n",
        r#"
etc/countersign.toml:1:8: string values must be quoted, expected literal string
    1 | data =*
      |        ^

etc/countersign.toml:3:15: invalid float
    3 | agents =***************
      |               ^^^^^^^^^

etc/countersign.toml:4:8: key with no value, expected `=`
    4 | people "**
      |        ^
"#,
    );
    tells(
        "data = \"a\"\ndata = \"b\"\n[limits]\n[limits]\n",
        r"
etc/countersign.toml:2:1: duplicate key
    2 | data =****
      | ^^^^

etc/countersign.toml:4:2: duplicate key
    4 | [limits]
      |  ^^^^^^
",
    );
}

#[test]
fn what_is_allowed_but_risky_is_a_warning() {
    let text = r#"[ledger]
backend = "memory"
durability = "relaxed"
[listen]
agents = "0.0.0.0:80"
[[model]]
name = "openai"
dialect = "openai"
url = "http://api.openai.com"
key = { env = "OPENAI_API_KEY" }
serves = ["gpt-*"]
[[agent]]
name = "a"
owner = "ada"
key = { env = "SUPPORT_BOT_KEY" }
models = ["gpt-5", "claude-*"]
tools = ["crm/*"]
[[agent]]
name = "b"
owner = "ada"
key = { env = "SUPPORT_BOT_KEY_NEXT" }
"#;
    let told = warnings(text);
    let first_lines: Vec<_> = told.iter().map(|it| it.lines().next().unwrap()).collect();
    assert_eq!(
        first_lines.join("\n").replace("etc/countersign.toml:", ""),
        "2:11: warning: ledger.backend: the ledger is lost when the gateway stops\n\
         3:14: warning: ledger.durability: a power failure may lose records of calls made\n\
         5:10: warning: listen.agents: `0.0.0.0:80` is open to other machines, without TLS\n\
         9:7: warning: model.openai.url: the key travels to another machine without TLS\n\
         9:7: warning: model.openai.url: `api.openai.com` serves below `/v1`\n\
         16:20: warning: agent.a.models: no model provider serves `claude-*`\n\
         17:10: warning: agent.a.tools: no tool server is called `crm`\n\
         18:1: warning: agent.b: this agent may use no model and no tool"
    );
}

#[test]
fn a_configuration_is_described_without_its_secrets() {
    let told = describe(&parse(FULL).unwrap().config);
    let expected = "\
data      etc/data
agents    http://127.0.0.1:9080
people    http://127.0.0.1:8081
hosts     gateway.example.com:8443
ledger    file, synced; segments of 64 MiB; a call waits 2s for its record, 4096 at once; a reserve of twice 8 MiB, less than 1 GiB is little
payloads  encrypted under a key in the data folder
sealed    every 1s by a key in the data folder; the last checkpoint is in `etc/data/lock`
policy    the lists of each agent alone
approvals held open: tool calls 45s, model calls 9m; an agent asks 60 times an hour, 20 at once; a no answers for 15m
sign-in   with accounts of the gateway itself; lasts 12h
limits    body 1 MiB, all bodies 2 MiB, answer 64 MiB, connections 1024, depth 128
timeouts  headers 500ms, body 1m, idle 90s; upstreams connect 10s, idle 5m; drain 30s
model     openai: openai at https://api.openai.com/v1, with a key; serves gpt-*, o*
model     local: openai at http://127.0.0.1:11434/v1, without a key; serves *
tools     crm: http://127.0.0.1:9000/mcp, with a key; prefix crm__
tools     files: runs `python3` in etc; prefix fs_
agent     support-bot of support for ada@example.com, 2 keys; \
          models gpt-*; tools crm/*, files/read_*
";
    assert_eq!(told, expected, "\n{told}");
}

#[test]
fn keys_of_payloads_are_named_by_place_and_refused_if_they_are_none() {
    let text = r#"[ledger]
payload_keys = [{ env = "PAYLOAD_KEY" }, { file = "keys/former.key" }]
"#;
    let told = describe(&parse(text).unwrap().config);
    let expected = "payloads  encrypted under the key in environment variable `PAYLOAD_KEY`; \
                    formerly in file `etc/keys/former.key`\n";
    assert!(told.contains(expected), "{told}");
    tells(
        r#"[ledger]
payload_keys = ["0011", { env = "SHORT" }, { env = "PAYLOAD_KEY" }, { env = "PAYLOAD_KEY" }]
"#,
        r#"
etc/countersign.toml:2:17: ledger.payload_keys: expected a reference to a secret, found text
    2 | payload_keys = ["****", { env = "SHORT" }, { env = "PAYLOAD_KEY" }, { env = "PAYLOAD_KEY" }]
      |                 ^^^^^^
hint: keep it elsewhere and name the place: `{ env = "NAME" }` or `{ file = "PATH" }`

etc/countersign.toml:2:25: ledger.payload_keys: environment variable `SHORT`: expected a key of 64 hexadecimal digits
    2 | payload_keys = ["****", { env = "SHORT" }, { env = "PAYLOAD_KEY" }, { env = "PAYLOAD_KEY" }]
      |                         ^^^^^^^^^^^^^^^^^
hint: `openssl rand -hex 32` makes a key

etc/countersign.toml:2:69: ledger.payload_keys: environment variable `PAYLOAD_KEY` is the same as environment variable `PAYLOAD_KEY`
    2 | payload_keys = ["****", { env = "SHORT" }, { env = "PAYLOAD_KEY" }, { env = "PAYLOAD_KEY" }]
      |                                                                     ^^^^^^^^^^^^^^^^^^^^^^^
"#,
    );
    tells(
        "[ledger]\npayload_keys = []\n",
        r"
etc/countersign.toml:2:16: ledger.payload_keys: expected at least one key
    2 | payload_keys = []
      |                ^^
hint: take the line away, and a key in the data folder is used
",
    );
}
