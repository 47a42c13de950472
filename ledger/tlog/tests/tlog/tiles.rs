//! Tiles and bundles: which there are, where they are, and what is in them.

use crate::forest::{cases, grown, leaves};
use proptest::prelude::*;
use tlog::{
    BundleError, BundleId, ENTRY_BYTES_MAX, TileId, bundle_entries, bundle_push, edge_tiles,
    leaf_hash, tiles_since,
};

fn tile(level: u8, index: u64, width: u16) -> TileId {
    TileId { level, index, width }
}

#[test]
fn a_tree_of_256_leaves_has_one_full_tile_and_one_hash_above() {
    let all: Vec<TileId> = tiles_since(0, 256).collect();
    assert_eq!(all, [tile(0, 0, 256), tile(1, 0, 1)]);
    let (_, tiles) = grown(256);
    assert_eq!(tiles.kept.into_keys().collect::<Vec<_>>(), all);
    let paths: Vec<String> = all.iter().map(TileId::path).collect();
    assert_eq!(paths, ["tile/0/000", "tile/1/000.p/1"]);
}

#[test]
fn a_tree_of_70_000_leaves_has_the_tiles_of_the_specification() {
    let edge: Vec<TileId> = edge_tiles(70_000).collect();
    assert_eq!(edge, [tile(0, 273, 112), tile(1, 1, 17), tile(2, 0, 1)]);
    let all: Vec<TileId> = tiles_since(0, 70_000).collect();
    let full: Vec<&TileId> = all.iter().filter(|tile| tile.is_full()).collect();
    assert_eq!(full.iter().filter(|tile| tile.level == 0).count(), 273);
    assert_eq!((full.len(), all.len()), (274, 277));
    let (_, tiles) = grown(70_000);
    assert_eq!(tiles.kept.keys().copied().collect::<Vec<_>>(), all);
    assert!(tiles.kept.iter().all(|(id, bytes)| bytes.len() == id.bytes()));
}

#[test]
fn the_tiles_since_a_size_are_those_that_it_lacks() {
    let sizes = [0, 1, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537, 70_000];
    let all = |size| tiles_since(0, size).collect::<Vec<_>>();
    for (place, old) in sizes.iter().enumerate() {
        for new in sizes.iter().skip(place) {
            let had = all(*old);
            let missing: Vec<_> =
                all(*new).into_iter().filter(|tile| !had.contains(tile)).collect();
            assert_eq!(tiles_since(*old, *new).collect::<Vec<_>>(), missing, "{old} {new}");
        }
    }
    assert_eq!(
        tiles_since(600, 599).count(),
        tiles_since(600, 599).filter(|t| !t.is_full()).count()
    );
}

#[test]
fn an_index_is_written_in_groups_of_three_digits() {
    assert_eq!(tile(0, 1_234_067, 256).path(), "tile/0/x001/x234/067");
    assert_eq!(tile(3, 999, 255).path(), "tile/3/999.p/255");
    assert_eq!(tile(0, 1000, 1).path(), "tile/0/x001/000.p/1");
    assert_eq!(BundleId { index: 1_234_067, width: 4 }.path(), "tile/entries/x001/x234/067.p/4");
    assert_eq!(BundleId::of_log(1, 300), Some(BundleId { index: 1, width: 44 }));
    assert_eq!(BundleId::of_log(2, 512), None);
}

#[test]
fn a_path_that_could_be_written_otherwise_is_refused() {
    let paths = [
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/0/x001/x002",
        "tile/00/000",
        "tile/8/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile/7/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/01",
        "tile/0/000.p/",
        "tile/0/000.p/1.p/1",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/",
        "tile/0",
        "tile//000",
        "tile/0/ 00",
        "tile/0/x18/446/744/073/709/551/616",
        "tile/entries/000",
        "",
        "t",
        "tile/0/x072/x057/x594/x037/x927/936",
        "tile/0/x1234/000",
        "tile/0/é00",
        "tile/0/xx01/000",
    ];
    for path in paths {
        assert!(TileId::parse(path).is_err(), "{path}");
    }
    let last = "tile/0/x072/x057/x594/x037/x927/935.p/255";
    assert_eq!(TileId::parse(last).unwrap(), tile(0, (1 << 56) - 1, 255));
    assert!(TileId::parse("tile/7/000.p/255").is_ok());
    for path in ["tile/entries/0", "tile/entries/000.p/0", "tile/0/000", "tile/entries/"] {
        assert!(BundleId::parse(path).is_err(), "{path}");
    }
    let (nines, groups) = ("x999/".repeat(7), "x000/".repeat(100));
    for many in [nines, groups] {
        assert!(BundleId::parse(&format!("tile/entries/{many}000")).is_err());
    }
}

#[test]
fn a_bundle_has_exactly_its_entries() {
    let mut bundle = Vec::new();
    let longest = vec![7; ENTRY_BYTES_MAX];
    for entry in [b"a".as_slice(), b"", &longest] {
        bundle_push(&mut bundle, entry).unwrap();
    }
    assert!(bundle.starts_with(&[0, 1, b'a', 0, 0, 0xff, 0xff, 7]));
    let read = |bundle: &[u8], width| {
        bundle_entries(bundle, width).map(|entry| entry.map(<[u8]>::to_vec)).collect()
    };
    let whole: Result<Vec<Vec<u8>>, BundleError> = read(&bundle, 3);
    assert_eq!(whole.unwrap(), [b"a".to_vec(), Vec::new(), longest.clone()]);
    let bytes = ENTRY_BYTES_MAX + 2;
    assert_eq!(read(&bundle, 2).unwrap_err(), BundleError::Long { bytes, width: 2 });
    assert_eq!(read(&bundle, 4).unwrap_err(), BundleError::Short { entry: 3, width: 4 });
    let cut = bundle.split_last().unwrap().1;
    assert_eq!(read(cut, 3).unwrap_err(), BundleError::Short { entry: 2, width: 3 });
    assert_eq!(read(&[0], 1).unwrap_err(), BundleError::Short { entry: 0, width: 1 });
    assert_eq!(bundle_entries(cut, 3).count(), 3);
    let before = bundle.clone();
    let too_long = vec![0; ENTRY_BYTES_MAX + 1];
    let error = BundleError::TooLong { bytes: ENTRY_BYTES_MAX + 1 };
    assert_eq!(bundle_push(&mut bundle, &too_long), Err(error));
    assert_eq!(bundle, before);
}

#[test]
fn the_entries_of_a_bundle_hash_to_the_tile_above_them() {
    let mut bundle = Vec::new();
    for index in 0..44 {
        bundle_push(&mut bundle, &crate::forest::entry(index)).unwrap();
    }
    let hashes: Vec<_> =
        bundle_entries(&bundle, 44).map(|entry| leaf_hash(entry.unwrap())).collect();
    assert_eq!(hashes, leaves(44));
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn every_path_is_read_as_it_was_written(level in 0_u8..=6, index: u64, width in 1_u16..=256) {
        let tile = tile(level, index >> (8 * u32::from(level) + 9), width);
        prop_assert_eq!(TileId::parse(&tile.path()).unwrap(), tile);
        let bundle = BundleId { index: index >> 9, width };
        prop_assert_eq!(BundleId::parse(&bundle.path()).unwrap(), bundle);
    }

    #[test]
    fn what_is_accepted_as_a_path_is_written_in_the_same_way(
        path in "tile/(entries|[0-9]{1,2})/(x?[0-9]{3}/){0,3}x?[0-9]{2,3}(\\.p/[0-9]{1,3})?",
    ) {
        if let Ok(tile) = TileId::parse(&path) {
            prop_assert_eq!(tile.path(), path.clone());
        }
        if let Ok(bundle) = BundleId::parse(&path) {
            prop_assert_eq!(bundle.path(), path);
        }
    }
}
