"""What the files of MNIST are called, how large they are and what their bytes hash to."""

from minivae.data.files import IdxFile

# Images first, then labels. Each hash is of the decompressed IDX file as published.
FILES = {
    "train": (
        IdxFile(
            "train-images-idx3-ubyte",
            "x_train",
            (60_000, 28, 28),
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            "y_train",
            (60_000,),
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
    ),
    "test": (
        IdxFile(
            "t10k-images-idx3-ubyte",
            "x_test",
            (10_000, 28, 28),
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            "y_test",
            (10_000,),
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
}

# The first images and labels of each, with the header that an IDX file of that length would have.
FIRST = {
    "train": (
        IdxFile(
            "train-images-idx3-ubyte",
            "x_train",
            (10_000, 28, 28),
            "2889698e6bc3614913e76901316712919d1998fc2b44512451bfe65bc1e668b1",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            "y_train",
            (10_000,),
            "651e38e2ac0632f5113ec18f1df4977117f953197819034009971a6675a0df78",
        ),
    ),
    "test": (
        IdxFile(
            "t10k-images-idx3-ubyte",
            "x_test",
            (2_000, 28, 28),
            "3f6bd66dee48df299584c67669bceee490faa25f931496bd7473b42106d7daed",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            "y_test",
            (2_000,),
            "7b098e5f6a3065807cebeabf36fb1724a8aff19f2673ac08b4923e0e8c715bce",
        ),
    ),
}
