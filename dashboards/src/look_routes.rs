//! Light or dark, and whether keys do something: a form on every page, and a cookie.

use crate::pages::{Look, Theme};
use axum::Router;
use axum::extract::Form;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

const COOKIE: &str = "countersign-look";

/// Serves `POST /look` to everyone: keeps what was chosen in a cookie and leads back to the page.
pub fn look_routes() -> Router {
    Router::new().route("/look", post(chosen))
}

/// What a reader chose before; as the device has it, with keys, until then.
pub fn look(headers: &HeaderMap) -> Look {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|it| it.to_str().ok());
    let chosen = cookies.flat_map(|line| line.split("; ")).find_map(|pair| {
        let (theme, keys) = pair.strip_prefix(COOKIE)?.strip_prefix('=')?.split_once('.')?;
        Some(Look { theme: Theme::of(theme), keys: keys != "off" })
    });
    chosen.unwrap_or(Look { theme: Theme::Auto, keys: true })
}

#[derive(Deserialize)]
struct Choice {
    theme: Option<String>,
    keys: Option<String>,
    #[serde(rename = "return")]
    back: String,
}

async fn chosen(headers: HeaderMap, Form(choice): Form<Choice>) -> Response {
    let mut look = look(&headers);
    if let Some(theme) = choice.theme {
        look.theme = Theme::of(&theme);
    }
    if let Some(keys) = choice.keys {
        look.keys = keys != "off";
    }
    let (theme, keys) = (look.theme.name(), if look.keys { "on" } else { "off" });
    let cookie =
        format!("{COOKIE}={theme}.{keys}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
    let back = own_path(&choice.back).unwrap_or("/").to_owned();
    let headers = [(header::LOCATION, back), (header::SET_COOKIE, cookie)];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// A path of this gateway, as a browser takes it; `None` for what could lead elsewhere.
pub(crate) fn own_path(path: &str) -> Option<&str> {
    let is_path = path.starts_with('/') && !path.starts_with("//");
    let is_plain = path.bytes().all(|next| next.is_ascii_graphic() && next != b'\\');
    (is_path && is_plain).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::{look, own_path};
    use crate::pages::{Look, Theme};
    use http::{HeaderMap, HeaderValue, header};

    #[test]
    fn a_form_leads_back_to_pages_of_this_gateway_alone() {
        for path in ["/", "/holds?show=all", "/holds/call_1#section-1"] {
            assert_eq!(own_path(path), Some(path));
        }
        for path in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nb"] {
            assert_eq!(own_path(path), None, "{path:?}");
        }
    }

    #[test]
    fn what_was_chosen_is_kept_and_nonsense_is_the_default() {
        let look_of = |cookie: &'static str| {
            let pair = (header::COOKIE, HeaderValue::from_static(cookie));
            look(&HeaderMap::from_iter([pair]))
        };
        let dark = Look { theme: Theme::Dark, keys: false };
        assert_eq!(look_of("a=b; countersign-look=dark.off"), dark);
        let default = Look { theme: Theme::Auto, keys: true };
        assert_eq!(look_of("countersign-look=x"), default);
        assert_eq!(look(&HeaderMap::new()), default);
    }
}
