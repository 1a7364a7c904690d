package pcapio

import "errors"

// What a [FormatError] wraps, for errors.Is. Errors of the operating system
// are wrapped as they are.
var (
	// ErrEmpty says that there is no byte in the file.
	ErrEmpty = errors.New("the file is empty")
	// ErrNotCapture says that the data begins like no capture.
	ErrNotCapture = errors.New("not a capture file")
	// ErrTruncated says that the data ends inside a record, a block or a compressed stream.
	ErrTruncated = errors.New("cut short")
	// ErrCorrupt says that the data contradicts its format.
	ErrCorrupt = errors.New("damaged")
	// ErrUnsupported says that the data is of a version that nobody has described.
	ErrUnsupported = errors.New("unsupported version of the format")
)

// ErrNoCapture says that a folder or a list given to [Expand] names no capture.
var ErrNoCapture = errors.New("no capture found")

// ErrShrunk says that a mapped file became shorter while it was read.
// errors.Is also takes it for [ErrTruncated].
var ErrShrunk error = shrunkError{}

type shrunkError struct{}

func (shrunkError) Error() string        { return "the file became shorter while it was read" }
func (shrunkError) Is(target error) bool { return target == ErrTruncated }
