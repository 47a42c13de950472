//! Whether the name by which a model asks for a tool is the name by which an agent calls it.

/// Clients keep names within this many bytes.
const CLIENT_NAME_BYTES_MAX: usize = 64;

/// How many bytes a shortened name must share with the end of the full one.
const SHARED_BYTES_MIN: usize = 32;

/// What stands between a server's name and its tool's, longest first.
const SEPARATORS: [&str; 6] = ["__", "_", ".", "/", "-", ":"];

/// How well a name fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Behind a prefix that nobody knows, or as the end of a shortened name.
    Ending,
    /// It is the name, or the name behind a prefix that is known.
    Whole,
}

/// The names of a tool that is called; names are case-sensitive.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToolName<'a> {
    /// The upstream's name.
    pub(super) server: &'a str,
    /// The upstream's own name of the tool.
    pub(super) tool: &'a str,
    /// The name that the agent used.
    pub(super) exposed: &'a str,
}

impl ToolName<'_> {
    /// Whether `asked` names this tool.
    pub(super) fn fit(self, asked: &str) -> Option<Fit> {
        if self.is_whole(asked)
            || behind_client_prefix(asked).is_some_and(|rest| self.is_whole(rest))
        {
            return Some(Fit::Whole);
        }
        let ends = [self.tool, self.exposed].into_iter().any(|name| is_ending(asked, name));
        ends.then_some(Fit::Ending)
    }

    fn is_whole(self, asked: &str) -> bool {
        let bare = asked
            .strip_prefix(self.server)
            .and_then(|rest| SEPARATORS.iter().find_map(|separator| rest.strip_prefix(separator)));
        [Some(asked), bare]
            .into_iter()
            .flatten()
            .any(|name| [self.tool, self.exposed].contains(&name))
    }
}

/// The rest of `mcp__<the client's name of the server>__<rest>`.
fn behind_client_prefix(name: &str) -> Option<&str> {
    name.strip_prefix("mcp__")?.split_once("__").map(|(_, rest)| rest)
}

fn is_ending(asked: &str, name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let prefix = asked.strip_suffix(name);
    if prefix.is_some_and(|prefix| SEPARATORS.iter().any(|separator| prefix.ends_with(separator))) {
        return true;
    }
    let shared = asked.bytes().rev().zip(name.bytes().rev()).take_while(|(a, b)| a == b).count();
    asked.len() == CLIENT_NAME_BYTES_MAX && shared >= SHARED_BYTES_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn fits(asked: &str, expected: Option<Fit>) {
        let name = ToolName { server: "crm", tool: "get_user", exposed: "crm__get_user" };
        assert_eq!(name.fit(asked), expected, "{asked}");
    }

    #[test]
    fn names_fit_with_every_prefix_that_clients_are_known_to_add() {
        for asked in [
            "get_user",
            "crm__get_user",
            "crm.get_user",
            "crm/get_user",
            "crm-get_user",
            "mcp__crm__get_user",
            "mcp__gateway__get_user",
            "mcp__gateway__crm__get_user",
        ] {
            fits(asked, Some(Fit::Whole));
        }
    }

    #[test]
    fn names_behind_unknown_prefixes_fit_less_well() {
        for asked in ["other__get_user", "mcp_gateway_get_user", "other:get_user"] {
            fits(asked, Some(Fit::Ending));
        }
    }

    #[test]
    fn names_that_merely_look_alike_do_not_fit() {
        for asked in ["", "Get_user", "get_users", "budget_user", "user", "crm__", "crm"] {
            fits(asked, None);
        }
    }

    #[test]
    fn names_shortened_to_64_bytes_fit_by_their_end() {
        let tool = "a_very_long_tool_name_that_no_client_would_pass_on_as_it_is_and_so_cuts";
        let name = ToolName { server: "s", tool, exposed: tool };
        let shortened = format!("h4sh{}", &tool[tool.len() - 60..]);
        assert_eq!(name.fit(&shortened), Some(Fit::Ending));
        assert_eq!(name.fit(&shortened[1..]), None);
    }
}
