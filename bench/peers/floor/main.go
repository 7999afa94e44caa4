// Command floor does only the computation of one slab's repair: it decrypts the packets of all sources, removes their
// keystreams, rebuilds, applies keystreams, hashes the rebuilt shards, and encrypts them. It uses one thread. It prints the
// CPU milliseconds of each phase, medians of all rounds, as one JSON object.
//
//	floor DATA PARITY REBUILT COPIED ROUNDS
package main

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"syscall"

	"github.com/klauspost/reedsolomon"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"
)

const (
	sectorBytes  = 1 << 22
	leafBytes    = 64
	packetBytes  = 4320
	tagBytes     = 16
	plainBytes   = packetBytes - tagBytes
	payloadBytes = plainBytes - 8
	warmUpRounds = 2
)

type phases map[string]float64

func main() {
	runtime.GOMAXPROCS(1)
	var n [5]int
	for i := range n {
		if len(os.Args) != 6 {
			fail(fmt.Errorf("expected DATA PARITY REBUILT COPIED ROUNDS"))
		}
		value, err := strconv.Atoi(os.Args[i+1])
		fail(err)
		n[i] = value
	}
	slab := newSlab(n[0], n[1], n[2], n[3])
	samples := map[string][]float64{}
	for round := -warmUpRounds; round < n[4]; round++ {
		taken := slab.repair()
		for name, milliseconds := range taken {
			if round >= 0 {
				samples[name] = append(samples[name], milliseconds)
			}
		}
	}
	medians := phases{}
	for name, all := range samples {
		sort.Float64s(all)
		medians[name] = all[len(all)/2]
	}
	fail(json.NewEncoder(os.Stdout).Encode(medians))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

type slab struct {
	data, parity, rebuilt, copied int
	key                           []byte
	shards                        [][]byte // plain, all of them
	packets                       [][]byte // of each source: sealed packets as a host sends them
	packetKey                     []byte
}

func newSlab(data, parity, rebuilt, copied int) *slab {
	s := &slab{data: data, parity: parity, rebuilt: rebuilt, copied: copied}
	s.key, s.packetKey = make([]byte, 32), make([]byte, 32)
	rand.Read(s.key)
	rand.Read(s.packetKey)
	s.shards = make([][]byte, data+parity)
	for i := range s.shards {
		s.shards[i] = make([]byte, sectorBytes)
		if i < data {
			rand.Read(s.shards[i])
		}
	}
	coder, err := reedsolomon.New(data, parity, reedsolomon.WithMaxGoroutines(1))
	fail(err)
	fail(coder.Encode(s.shards))
	for i := range s.sources() {
		sector := append([]byte(nil), s.shards[s.source(i)]...)
		keystream(s.key, s.source(i), sector)
		s.packets = append(s.packets, seal(s.packetKey, sector))
	}
	return s
}

// sources is the number of shards to read: as many as the code needs, or the sectors to copy.
func (s *slab) sources() int {
	if s.rebuilt == 0 {
		return s.copied
	}
	return s.data
}

// source returns the shard of a source; sources follow the lost shards.
func (s *slab) source(i int) int { return s.rebuilt + i }

func (s *slab) repair() phases {
	taken := phases{}
	at := cpu()
	lap := func(phase string) {
		now := cpu()
		taken[phase] += now - at
		at = now
	}
	held := make([][]byte, s.data+s.parity)
	for i := range s.sources() {
		held[s.source(i)] = open(s.packetKey, s.packets[i])
	}
	lap("open")
	var moved [][]byte
	if s.rebuilt == 0 {
		moved = held[:s.copied]
	} else {
		moved = s.rebuild(held, lap)
	}
	for _, sector := range moved {
		sectorRoot(sector)
	}
	lap("hash")
	for _, sector := range moved {
		seal(s.packetKey, sector)
	}
	lap("seal")
	taken["total"] = 0
	total := 0.0
	for _, milliseconds := range taken {
		total += milliseconds
	}
	taken["total"] = total
	return taken
}

func (s *slab) rebuild(held [][]byte, lap func(string)) [][]byte {
	for i := range s.sources() {
		keystream(s.key, s.source(i), held[s.source(i)])
	}
	lap("keystream")
	coder, err := reedsolomon.New(s.data, s.parity, reedsolomon.WithMaxGoroutines(1))
	fail(err)
	required := make([]bool, s.data+s.parity)
	for i := range s.rebuilt {
		required[i] = true
	}
	fail(coder.ReconstructSome(held, required))
	for i := range s.rebuilt {
		if held[i][1000] != s.shards[i][1000] || held[i][sectorBytes-1] != s.shards[i][sectorBytes-1] {
			fail(fmt.Errorf("shard %d is wrong", i))
		}
	}
	lap("code")
	for i := range s.rebuilt {
		keystream(s.key, i, held[i])
	}
	lap("keystream")
	return held[:s.rebuilt]
}

func keystream(key []byte, shard int, data []byte) {
	nonce := make([]byte, chacha20.NonceSizeX)
	nonce[0] = byte(shard)
	cipher, err := chacha20.NewUnauthenticatedCipher(key, nonce)
	fail(err)
	cipher.XORKeyStream(data, data)
}

func seal(key, sector []byte) []byte {
	aead, err := chacha20poly1305.New(key)
	fail(err)
	var packets []byte
	nonce := make([]byte, chacha20poly1305.NonceSize)
	plain := make([]byte, plainBytes)
	packets = make([]byte, 0, (len(sector)/payloadBytes+1)*packetBytes)
	for at, n := 0, uint64(0); at < len(sector); at, n = at+payloadBytes, n+1 {
		clear(plain)
		copy(plain[8:], sector[at:min(at+payloadBytes, len(sector))])
		binary.LittleEndian.PutUint64(nonce, n)
		packets = aead.Seal(packets, nonce, plain, nil)
	}
	return packets
}

func open(key, packets []byte) []byte {
	aead, err := chacha20poly1305.New(key)
	fail(err)
	sector := make([]byte, sectorBytes)
	nonce := make([]byte, chacha20poly1305.NonceSize)
	plain := make([]byte, 0, plainBytes)
	for at, n := 0, uint64(0); at < len(packets); at, n = at+packetBytes, n+1 {
		binary.LittleEndian.PutUint64(nonce, n)
		opened, err := aead.Open(plain, nonce, packets[at:at+packetBytes], nil)
		fail(err)
		copy(sector[n*payloadBytes:], opened[8:])
	}
	return sector
}

// sectorRoot is Sia's Merkle root: leaves of 64 bytes with prefix 0, nodes with prefix 1.
func sectorRoot(sector []byte) [32]byte {
	hashes := make([]byte, sectorBytes/2)
	count := level(hashes, sector, 0)
	for count > 1 {
		count = level(hashes, hashes[:count*32], 1)
	}
	return [32]byte(hashes[:32])
}

func level(into, from []byte, prefix byte) int {
	var block [1 + leafBytes]byte
	block[0] = prefix
	count := len(from) / leafBytes
	for i := range count {
		copy(block[1:], from[i*leafBytes:(i+1)*leafBytes])
		hash := blake2b.Sum256(block[:])
		copy(into[i*32:], hash[:])
	}
	return count
}

// cpu returns the user and system time of this process in milliseconds.
func cpu() float64 {
	var usage syscall.Rusage
	fail(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e6
}
