//! What libhdf5 writes is read as libhdf5 reads it: element types, layouts, filters, versions of the format.

use std::path::Path;

use bhscore::io::hdf5::{Hdf5, Member};
use bhscore::io::mat::Variable;
use bhscore::io::mat_v73::Source;
use hdf5::file::LibraryVersion;
use hdf5::types::{FixedAscii, VarLenUnicode};
use hdf5::{DatasetBuilder, H5Type};
use ndarray::Array2;

const SHAPE: (usize, usize) = (7, 5);

/// Settings of a dataset, by name.
type Layout = (&'static str, fn(DatasetBuilder) -> DatasetBuilder);

const LAYOUTS: [Layout; 7] = [
    ("one piece", |builder| {
        builder.layout(hdf5::dataset::Layout::Contiguous)
    }),
    ("compact", |builder| {
        builder.layout(hdf5::dataset::Layout::Compact)
    }),
    ("chunks", |builder| builder.chunk((2, 3))),
    ("deflate", |builder| {
        builder.chunk((2, 3)).shuffle().deflate(4)
    }),
    ("checksums", |builder| builder.chunk((3, 3)).fletcher32()),
    ("one chunk", |builder| builder.chunk(SHAPE).deflate(1)),
    ("many chunks", |builder| builder.chunk((1, 1))),
];

fn each_file(write: impl Fn(&hdf5::File), read: impl Fn(&Path)) {
    let folder = tempfile::tempdir().unwrap();
    for (version, user_block) in [
        (LibraryVersion::Earliest, 0),
        (LibraryVersion::Earliest, 512),
        (LibraryVersion::latest(), 0),
    ] {
        let path = folder.path().join(format!("{version:?}{user_block}.h5"));
        let file = hdf5::FileBuilder::new()
            .with_fapl(|list| list.libver_bounds(version, LibraryVersion::latest()))
            .with_fcpl(|list| list.userblock(user_block))
            .create(&path)
            .unwrap();
        write(&file);
        // Versions from 1.10 on are marked as long as they are open.
        if let Err(error) = Source::open(&path) {
            assert!(error.to_string().contains("close that program"), "{error}");
        }
        file.close().unwrap();
        read(&path);
    }
}

/// Numbers of a type in every layout.
fn numbers<T: H5Type + Copy>(of: impl Fn(f64) -> T) {
    let write = |file: &hdf5::File| {
        let values = Array2::from_shape_fn(SHAPE, |(i, j)| of(13.0 * i as f64 - 3.25 * j as f64));
        for (name, layout) in LAYOUTS {
            let builder = file.new_dataset_builder();
            layout(builder).with_data(&values).create(name).unwrap();
        }
        let builder = file.new_dataset_builder().chunk((2, 2)).fill_value(of(6.0));
        builder
            .empty::<T>()
            .shape(SHAPE)
            .create("filled in")
            .unwrap();
        let builder = file.new_dataset_builder().chunk((2, 2));
        let growing = builder
            .empty::<T>()
            .shape((0.., 5))
            .create("growing")
            .unwrap();
        growing.resize(SHAPE).unwrap();
        growing.write(&values).unwrap();
    };
    each_file(write, |path| {
        let file = hdf5::File::open(path).unwrap();
        let source = Source::open(path).unwrap();
        let variables = source.variables().unwrap();
        assert_eq!(variables.len(), LAYOUTS.len() + 2);
        for Variable { name, .. } in variables {
            let expected = file.dataset(&name).unwrap().read_2d::<f64>().unwrap();
            let found = source.read(&name).unwrap().into_f64();
            // Column-major; without MATLAB's attributes the axes are as on the disk.
            let expected: Vec<f64> = expected.t().iter().copied().collect();
            assert_eq!(found.shape, [SHAPE.0, SHAPE.1], "{name}");
            assert_eq!(found.values, expected, "{name} {}", path.display());
            let (_, part) = source.read_range(&name, 3..9).unwrap();
            let single: Vec<f32> = expected[3..9].iter().map(|value| *value as f32).collect();
            assert_eq!(part, single, "{name}");
        }
    });
}

#[test]
fn numbers_of_every_type_in_every_layout() {
    numbers(|value| value);
    numbers(|value| value as f32);
    numbers(|value| value as i8);
    numbers(|value| value as i16);
    numbers(|value| value as i32);
    numbers(|value| value as i64);
    numbers(|value| value as u8);
    numbers(|value| value as u16);
    numbers(|value| value as u32);
    numbers(|value| value as u64);
}

#[test]
fn texts_of_both_kinds() {
    let texts = [
        "",
        "V1",
        "größer",
        "a much longer text than the others have",
    ];
    let write = |file: &hdf5::File| {
        let any: Vec<VarLenUnicode> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let fixed: Vec<FixedAscii<9>> = ["", "V1", "n01443537"]
            .iter()
            .map(|text| FixedAscii::from_ascii(text).unwrap())
            .collect();
        let builder = file.new_dataset_builder();
        builder.with_data(&any).create("any").unwrap();
        let builder = file.new_dataset_builder().chunk(2).deflate(3);
        builder.with_data(&any).create("chunks").unwrap();
        let builder = file.new_dataset_builder();
        builder.with_data(&fixed).create("fixed").unwrap();
    };
    each_file(write, |path| {
        let file = Hdf5::open(path, "").unwrap();
        let read = |name: &str| file.root().dataset(name).unwrap().texts().unwrap();
        assert_eq!(read("any"), texts);
        assert_eq!(read("chunks"), texts);
        assert_eq!(read("fixed"), ["", "V1", "n01443537"]);
    });
}

/// More than one node of each kind of tree.
/// So many that looking each up by its name would read more than is allowed of a file.
#[test]
fn a_file_of_many_variables() {
    let write = |file: &hdf5::File| {
        for number in 0..3000 {
            let values = [f64::from(number)];
            let builder = file.new_dataset_builder().with_data(&values);
            builder.create(format!("v{number:04}").as_str()).unwrap();
        }
    };
    each_file(write, |path| {
        let variables = bhscore::io::mat::variables(path).unwrap();
        assert_eq!(variables.len(), 3000);
        assert_eq!(variables[2999].name, "v2999");
        assert_eq!(variables[2999].shape, [1]);
    });
}

#[test]
fn groups_of_many_members_and_attributes() {
    let write = |file: &hdf5::File| {
        let group = file.create_group("all").unwrap();
        for number in 0..600 {
            let values = [number];
            let builder = group.new_dataset_builder().with_data(&values);
            builder.create(format!("{number:03}").as_str()).unwrap();
        }
        for number in 0..60i64 {
            let attribute = group
                .new_attr::<i64>()
                .create(format!("n{number}").as_str());
            attribute.unwrap().write_scalar(&number).unwrap();
        }
    };
    each_file(write, |path| {
        let file = Hdf5::open(path, "").unwrap();
        let Some(Member::Group(group)) = file.root().member("all").unwrap() else {
            panic!("no group");
        };
        let members = group.members().unwrap();
        let names: Vec<String> = members.into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            (0..600).map(|n| format!("{n:03}")).collect::<Vec<_>>()
        );
        assert_eq!(
            group.dataset("599").unwrap().values::<i64>().unwrap(),
            [599]
        );
        let attributes = group.attributes();
        for number in 0..60 {
            let found = attributes.whole(&format!("n{number}"), 1).unwrap();
            assert_eq!(found, Some(vec![number]));
        }
        assert_eq!(attributes.number("n7").unwrap(), Some(7.0));
        assert_eq!(attributes.text("other").unwrap(), None);
        assert!(attributes.text("n7").is_err());
    });
}
