//! The style sheet, the script and the mark, served under names that hold the digest of their
//! content.

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use events::Digest;
use http::{StatusCode, header};
use std::sync::LazyLock;

/// What never changes under its name may be kept for as long as anybody likes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

struct Asset {
    name: String,
    kind: &'static str,
    content: &'static str,
}

static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::of("css", "text/css; charset=utf-8", include_str!("../assets/countersign.css"))
});

static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::of("js", "text/javascript; charset=utf-8", include_str!("../assets/countersign.js"))
});

static MARK: LazyLock<Asset> = LazyLock::new(|| {
    Asset::of("svg", "image/svg+xml; charset=utf-8", include_str!("../assets/countersign.svg"))
});

impl Asset {
    fn of(ending: &str, kind: &'static str, content: &'static str) -> Self {
        let digest = Digest::of(&[content.as_bytes()]).to_string();
        let name = format!("countersign.{digest:.16}.{ending}");
        Self { name, kind, content }
    }
}

/// Where the style sheet is.
pub(crate) fn style_path() -> String {
    format!("/assets/{}", STYLE.name)
}

/// Where the script is.
pub(crate) fn script_path() -> String {
    format!("/assets/{}", SCRIPT.name)
}

/// Where the mark is.
pub(crate) fn mark_path() -> String {
    format!("/assets/{}", MARK.name)
}

/// Serves `GET /assets/{name}` to everyone. A name of an older version is not there any more.
pub fn asset_routes() -> Router {
    Router::new().route("/assets/{name}", get(asset))
}

async fn asset(Path(name): Path<String>) -> Response {
    let all = [&*STYLE, &*SCRIPT, &*MARK];
    all.into_iter().find(|asset| asset.name == name).map_or_else(
        || StatusCode::NOT_FOUND.into_response(),
        |asset| {
            let headers = [(header::CONTENT_TYPE, asset.kind), (header::CACHE_CONTROL, FOR_EVER)];
            (headers, asset.content).into_response()
        },
    )
}
