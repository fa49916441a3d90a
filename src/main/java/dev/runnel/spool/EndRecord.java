package dev.runnel.spool;

import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Header;
import dev.runnel.wire.ProtocolException;
import java.nio.ByteBuffer;
import java.time.Instant;

/**
 * How a job ended, as it is written down: the moment, and the frame that a client gets.
 *
 * @param at when it ended, or was found lost
 */
record EndRecord(End end, Instant at) {
  static ByteBuffer encode(End end, Instant at) {
    byte[] frame = EventEncoder.encode(null, new Event.Ended(end, 0), 0);
    ByteBuffer payload = ByteBuffer.allocate(Long.BYTES + frame.length);
    return payload.putLong(at.toEpochMilli()).put(frame).flip();
  }

  static EndRecord decode(ByteBuffer payload) throws BadSpoolException {
    if (payload.remaining() < Long.BYTES + Integer.BYTES) {
      throw new BadSpoolException("end record: " + payload.remaining() + " bytes");
    }
    ByteBuffer bytes = payload.duplicate();
    Instant at = Instant.ofEpochMilli(bytes.getLong());
    bytes.position(bytes.position() + Integer.BYTES);
    byte[] header = new byte[bytes.remaining()];
    bytes.get(header);
    try {
      if (EventDecoder.decode(Header.parse(header)) instanceof Event.Ended ended) {
        return new EndRecord(ended.end(), at);
      }
    } catch (ProtocolException e) {
      throw new BadSpoolException("end record: " + e.getMessage());
    }
    throw new BadSpoolException("end record: another frame");
  }
}
