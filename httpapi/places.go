package httpapi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"strconv"
)

// places writes places in the stream of alert events as the IDs that clients resume with. A
// place tells how many changes there have been, and when the latest was, whoever it was
// about. So organization admins get it encrypted (AES-GCM, NIST SP 800-38D, with a random
// nonce), by a key of this API alone: of another process no place counts anyway. It is safe
// for concurrent use.
type places struct{ seal cipher.AEAD }

// What an encrypted place is made of, in bytes.
const (
	placeNonce = 12
	placePlain = 8 + 1 + 8 // the number, whether there is a check, and the check
	placeSize  = placeNonce + placePlain + 16
)

func newPlaces() (places, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // its error is always nil
	block, err := aes.NewCipher(key)
	if err != nil {
		return places{}, err
	}
	seal, err := cipher.NewGCM(block)
	return places{seal}, err
}

// nowhere is a place that no events follow, as one of another process.
var nowhere = position{number: 1<<64 - 1}

// write returns a place as a principal is told of it.
func (c places) write(p position, by Principal) string {
	if by.SuperAdmin {
		return p.String()
	}
	data := make([]byte, placeNonce+placePlain, placeSize)
	_, _ = rand.Read(data[:placeNonce]) // its error is always nil
	plain := data[placeNonce:]
	binary.BigEndian.PutUint64(plain, p.number)
	if check, err := strconv.ParseUint(p.check, 36, 64); err == nil {
		plain[8] = 1
		binary.BigEndian.PutUint64(plain[9:], check)
	}
	return base64.RawURLEncoding.EncodeToString(c.seal.Seal(data[:placeNonce], data[:placeNonce], plain, nil))
}

// read returns the place of an ID that a client sends. An organization admin may begin at 0;
// any other number, which it was not told, is nowhere. ok is false for what cannot be an ID.
func (c places) read(id string, by Principal) (p position, ok bool) {
	if p, ok := parsePosition(id); ok {
		if !by.SuperAdmin && p != (position{}) {
			p = nowhere
		}
		return p, true
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || len(data) != placeSize {
		return position{}, false
	}
	plain, err := c.seal.Open(nil, data[:placeNonce], data[placeNonce:], nil)
	if err != nil {
		return nowhere, true
	}
	p.number = binary.BigEndian.Uint64(plain)
	if plain[8] == 1 {
		p.check = strconv.FormatUint(binary.BigEndian.Uint64(plain[9:]), 36)
	}
	return p, true
}
