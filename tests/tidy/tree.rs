//! The files of the repository as text, so that a check can also be given a small invented tree.

use std::fs;
use std::path::Path;

/// Folders that tools make; nothing in them is ours.
const MADE: &[&str] =
    &[".git", "__pycache__", "artifacts", "corpus", "data", "node_modules", "target"];

/// One text file.
pub(crate) struct File {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// All text files, in the order of their paths.
pub(crate) struct Tree(Vec<File>);

impl Tree {
    /// The repository that this suite was built from.
    pub(crate) fn of_repository() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut files = Vec::new();
        collect(root, root, &mut files);
        files.sort_by(|a: &File, b| a.path.cmp(&b.path));
        assert!(files.len() > 100, "`{}` is not the repository", root.display());
        Self(files)
    }

    /// A tree of these paths and texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file =
            |(path, text): &(&str, &str)| File { path: (*path).into(), text: (*text).into() };
        Self(files.iter().map(file).collect())
    }

    /// All of them.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        self.0.iter()
    }

    /// Those whose name ends so.
    pub(crate) fn ending(&self, end: &'static str) -> impl Iterator<Item = &File> {
        self.files().filter(move |file| file.path.ends_with(end))
    }

    /// The text of one.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files().find(|file| file.path == path).map(|file| file.text.as_str())
    }

    /// Whether a file or a folder of this path is there.
    pub(crate) fn holds(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        path.is_empty()
            || self.files().any(|file| file.path == path || file.path.starts_with(&folder))
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !path.is_symlink() {
            if !MADE.contains(&name) {
                collect(root, &path, files);
            }
        } else if path.is_file()
            && name != ".git"
            && let Ok(text) = String::from_utf8(fs::read(&path).unwrap())
        {
            let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            files.push(File { path, text });
        }
    }
}

#[test]
fn a_folder_is_there_when_a_file_is_in_it() {
    let tree = Tree::of(&[("docs/errors/full.md", "")]);
    assert!(tree.holds("docs/errors") && tree.holds("docs/errors/full.md"));
    assert!(!tree.holds("docs/err"));
}
