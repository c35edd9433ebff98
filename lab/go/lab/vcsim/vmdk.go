package vcsim

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

const (
	sectorSize   = 512
	tableGrains  = 512
	overhead     = 128 // sectors before the first grain
	atEnd        = ^uint64(0)
	markerTable  = 1
	markerDir    = 2
	markerFooter = 3
)

// sectors writes whole sectors and knows where it is.
type sectors struct {
	w  *bufio.Writer
	at uint64
}

func (s *sectors) write(b []byte) error {
	n := (len(b) + sectorSize - 1) / sectorSize
	s.at += uint64(n)
	if _, err := s.w.Write(b); err != nil {
		return err
	}
	_, err := s.w.Write(make([]byte, n*sectorSize-len(b)))
	return err
}

func (s *sectors) marker(count uint64, kind uint32) error {
	b := make([]byte, 16)
	binary.LittleEndian.PutUint64(b, count)
	binary.LittleEndian.PutUint32(b[12:], kind)
	return s.write(b)
}

func header(size int64, directory uint64) []byte {
	b := make([]byte, sectorSize)
	le := binary.LittleEndian
	copy(b, "KDMV")
	le.PutUint32(b[4:], 3)
	le.PutUint32(b[8:], 0x30001)
	le.PutUint64(b[12:], uint64(size/sectorSize))
	le.PutUint64(b[20:], grain/sectorSize)
	le.PutUint64(b[28:], 1)  // the descriptor
	le.PutUint64(b[36:], 20) // and its length
	le.PutUint32(b[44:], tableGrains)
	le.PutUint64(b[56:], directory)
	le.PutUint64(b[64:], overhead)
	copy(b[73:], "\n \r\n")
	le.PutUint16(b[77:], 1)
	return b
}

const descriptor = `# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="streamOptimized"

RDONLY %d SPARSE "disk.vmdk"

ddb.adapterType = "lsilogic"
ddb.virtualHWVersion = "13"
`

// writeVMDK streams a raw file as hosts export a disk: grains in order, each table behind its grains, at the end the
// directory and a footer. before is asked before each grain.
func writeVMDK(out io.Writer, f *os.File, size int64, before func() error) error {
	s := &sectors{w: bufio.NewWriterSize(out, 256<<10)}
	text := make([]byte, (overhead-1)*sectorSize)
	copy(text, fmt.Sprintf(descriptor, size/sectorSize))
	if err := s.write(append(header(size, atEnd), text...)); err != nil {
		return err
	}
	grains := (size + grain - 1) / grain
	directory := make([]uint32, (grains+tableGrains-1)/tableGrains)
	var table [tableGrains]uint32
	open, next := int64(-1), int64(0)
	endTable := func() error {
		if open < 0 {
			return nil
		}
		if err := s.marker(tableGrains*4/sectorSize, markerTable); err != nil {
			return err
		}
		directory[open] = uint32(s.at)
		b, _ := binary.Append(nil, binary.LittleEndian, table[:])
		table = [tableGrains]uint32{}
		return s.write(b)
	}
	data, zero := make([]byte, grain), make([]byte, grain)
	var packed bytes.Buffer
	z, _ := zlib.NewWriterLevel(&packed, zlib.BestSpeed)
	err := extents(f, size, func(off, end int64) error {
		for i := max(off/grain, next); i*grain < end; i++ {
			next = i + 1
			if err := before(); err != nil {
				return err
			}
			n, err := f.ReadAt(data, i*grain)
			if err != nil && err != io.EOF {
				return err
			}
			clear(data[n:])
			if bytes.Equal(data, zero) {
				continue
			}
			if t := i / tableGrains; t != open {
				if err := endTable(); err != nil {
					return err
				}
				open = t
			}
			packed.Reset()
			packed.Write(make([]byte, 12))
			z.Reset(&packed)
			_, _ = z.Write(data)
			_ = z.Close()
			b := packed.Bytes()
			binary.LittleEndian.PutUint64(b, uint64(i*grain/sectorSize))
			binary.LittleEndian.PutUint32(b[8:], uint32(len(b)-12))
			table[i%tableGrains] = uint32(s.at)
			if err := s.write(b); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := endTable(); err != nil {
		return err
	}
	b, _ := binary.Append(nil, binary.LittleEndian, directory)
	if err := s.marker(uint64((len(b)+sectorSize-1)/sectorSize), markerDir); err != nil {
		return err
	}
	at := s.at
	if err := s.write(b); err != nil {
		return err
	}
	if err := s.marker(1, markerFooter); err != nil {
		return err
	}
	if err := s.write(header(size, at)); err != nil {
		return err
	}
	if err := s.marker(0, 0); err != nil {
		return err
	}
	return s.w.Flush()
}
