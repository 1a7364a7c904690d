package anonymize

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// KeyBytes is the length of a key. Crypto-PAn takes the first half for AES,
// the second for its padding.
const KeyBytes = 32

// Key is the secret that pseudonyms follow from. It does not print itself.
type Key struct{ secret [KeyBytes]byte }

// String hides the key from whoever prints it by mistake.
func (Key) String() string { return "(secret key)" }

// Format hides it whatever the verb is.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Key{}.String()) }

// MarshalText hides it from JSON as well.
func (Key) MarshalText() ([]byte, error) { return []byte(Key{}.String()), nil }

// errKey says what a key looks like, and nothing of the one that was given.
var errKey = errors.New("a key is 32 bytes in hexadecimal, 64 digits")

// ParseKey reads 64 hexadecimal digits.
func ParseKey(text string) (k Key, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != KeyBytes {
		return Key{}, errKey // the decoder's error has a byte of the key in it
	}
	copy(k.secret[:], b)
	if k.secret == [KeyBytes]byte{} {
		return Key{}, errors.New("a key of zeros is no secret")
	}
	return k, nil
}

// ReadKey reads a key from a file that nobody but its owner may read.
func ReadKey(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("key: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return Key{}, fmt.Errorf("key: %w", err)
	}
	if runtime.GOOS != "windows" && st.Mode().IsRegular() && st.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("key %s: others may read it (mode %04o); make it 0600", path, st.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return Key{}, fmt.Errorf("key: %w", err)
	}
	k, err := ParseKey(string(text))
	if err != nil {
		return Key{}, fmt.Errorf("key %s: %w", path, err)
	}
	return k, nil
}

// NewKey writes a new random key to a file that must not be there yet, with
// mode 0600.
func NewKey(path string) (k Key, err error) {
	if _, err := rand.Read(k.secret[:]); err != nil {
		return Key{}, fmt.Errorf("new key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Key{}, fmt.Errorf("new key: %w", err)
	}
	_, err = f.WriteString(hex.EncodeToString(k.secret[:]) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return Key{}, errors.Join(fmt.Errorf("new key: %w", err), os.Remove(path))
	}
	return k, nil
}

// derive makes a key of n bytes for a purpose (HKDF-Expand, RFC 5869). Keys of
// different purposes tell nothing of each other.
func (k Key) derive(purpose string, n int) []byte {
	b, err := hkdf.Expand(sha256.New, k.secret[:], "pcapline anonymize 1: "+purpose, n)
	if err != nil {
		panic(err) // n is a constant far below the bound
	}
	return b
}
