package dev.runnel.copy;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.zip.CRC32;

/** The end that has the files: sends what is asked for. For one thread and one stream. */
public final class FileSender {
  private static final LinkOption NOFOLLOW = LinkOption.NOFOLLOW_LINKS;
  private static final Set<OpenOption> NAMED = Set.of(StandardOpenOption.READ);

  /** Not what has become a link since it was looked at. */
  private static final Set<OpenOption> FOUND = Set.of(StandardOpenOption.READ, NOFOLLOW);

  private final DataInputStream in;
  private final DataOutputStream out;
  private final CopyLog log;
  private final Folders folders;
  private final byte[] piece = new byte[Format.PIECE_BYTES];
  private long files;
  private long bytes;
  private long problems;

  /** What becomes of folders. */
  public enum Folders {
    REFUSED,
    WITH_ALL_IN_THEM
  }

  /**
   * @param in what the receiver says
   * @param out what it gets; flushed
   */
  public FileSender(InputStream in, OutputStream out, Folders folders, CopyLog log) {
    this.in = new DataInputStream(new BufferedInputStream(in));
    this.out = new DataOutputStream(new BufferedOutputStream(out, Format.PIECE_BYTES));
    this.folders = folders;
    this.log = log;
  }

  /**
   * Sends them, and blocks until the receiver has all.
   *
   * @throws IOException if the stream breaks
   */
  public CopyResult send(List<Path> sources) throws IOException {
    begin();
    for (Path source : sources) {
      try {
        sendNamed(source);
      } catch (UnreadableException e) {
        problem(source, e.reason());
      }
    }
    return end();
  }

  /** The same of one stream, of unknown length. */
  public CopyResult send(InputStream source, String name, int mode) throws IOException {
    begin();
    out.writeByte(Format.FILE);
    FileName.write(out, name.getBytes(StandardCharsets.UTF_8));
    out.writeShort(mode);
    out.writeLong(nanos(FileTime.fromMillis(System.currentTimeMillis())));
    out.writeLong(Format.UNKNOWN);
    CRC32 checksum = new CRC32();
    long length = sendPieces(source, checksum);
    out.writeByte(Format.FILE_END);
    out.writeInt((int) checksum.getValue());
    files++;
    bytes += length;
    return end();
  }

  private void begin() throws IOException {
    out.writeInt(Format.MAGIC);
    out.flush();
    if (in.readInt() != Format.MAGIC) {
      throw new IOException("the other end does not receive files");
    }
  }

  private CopyResult end() throws IOException {
    out.writeByte(Format.END);
    out.writeLong(files);
    out.writeLong(bytes);
    out.flush();
    long there = in.readLong();
    long bytesThere = in.readLong();
    long wrong = in.readLong();
    boolean complete = wrong == 0 && there == files && bytesThere == bytes;
    return new CopyResult(files, bytes, problems, complete);
  }

  /** A file of ours that is of no use: the stream goes on. */
  private static final class UnreadableException extends Exception {
    private static final long serialVersionUID = 1;

    private final String reason;

    UnreadableException(IOException cause) {
      super(cause);
      reason = FileSender.reason(cause);
    }

    String reason() {
      return reason;
    }
  }

  static String reason(IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> "no such file or folder";
      case AccessDeniedException _ -> "permission denied";
      case FileSystemException other when other.getReason() != null -> other.getReason();
      default -> String.valueOf(e.getMessage());
    };
  }

  private void problem(Path path, String reason) {
    problems++;
    log.problem(path + ": " + reason);
  }

  // What was named is followed, as cp does; links within folders stay links.
  private void sendNamed(Path named) throws IOException, UnreadableException {
    Path source = named;
    Path name = named.getFileName();
    boolean contents = name == null || name.toString().equals(".") || name.toString().equals("..");
    PosixFileAttributes attributes;
    try {
      attributes = Files.readAttributes(source, PosixFileAttributes.class);
    } catch (IOException e) {
      throw new UnreadableException(e);
    }
    if (attributes.isDirectory() && folders == Folders.REFUSED) {
      problem(named, "is a folder (-r copies it)");
      return;
    }
    send(
        source,
        contents || name == null ? new byte[] {'.'} : FileName.bytes(name),
        attributes,
        NAMED);
  }

  private void send(Path source, byte[] name, PosixFileAttributes attributes, Set<OpenOption> how)
      throws IOException, UnreadableException {
    if (attributes.isDirectory()) {
      sendFolder(source, name, attributes);
    } else if (attributes.isSymbolicLink()) {
      sendLink(source, name);
    } else if (attributes.isRegularFile()) {
      sendFile(source, name, attributes, how);
    } else {
      problem(source, "is no file, folder or link, and is left out");
    }
  }

  private void sendFolder(Path folder, byte[] name, PosixFileAttributes attributes)
      throws IOException, UnreadableException {
    List<Path> children = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
      all.forEach(children::add);
    } catch (IOException e) {
      throw new UnreadableException(e);
    } catch (DirectoryIteratorException e) {
      throw new UnreadableException(new IOException("cannot be read: " + e.getMessage(), e));
    }
    out.writeByte(Format.FOLDER);
    FileName.write(out, name);
    writeAttributes(attributes);
    for (Path child : children) {
      try {
        send(child, FileName.bytes(child.getFileName()), attributes(child), FOUND);
      } catch (UnreadableException e) {
        problem(child, e.reason());
      }
    }
    out.writeByte(Format.UP);
  }

  private static PosixFileAttributes attributes(Path path) throws UnreadableException {
    try {
      return Files.readAttributes(path, PosixFileAttributes.class, NOFOLLOW);
    } catch (IOException e) {
      throw new UnreadableException(e);
    }
  }

  private void sendLink(Path link, byte[] name) throws IOException, UnreadableException {
    byte[] target;
    try {
      target = FileName.bytes(Files.readSymbolicLink(link));
    } catch (IOException e) {
      throw new UnreadableException(e);
    }
    out.writeByte(Format.LINK);
    FileName.write(out, name);
    FileName.write(out, target);
  }

  private void writeAttributes(PosixFileAttributes attributes) throws IOException {
    out.writeShort(Format.mode(attributes.permissions()));
    out.writeLong(nanos(attributes.lastModifiedTime()));
  }

  private static long nanos(FileTime time) {
    return time.to(TimeUnit.NANOSECONDS);
  }

  private void sendFile(Path file, byte[] name, PosixFileAttributes attributes, Set<OpenOption> how)
      throws IOException, UnreadableException {
    try (FileChannel source = open(file, how)) {
      log.begun(file.toString());
      out.writeByte(Format.FILE);
      FileName.write(out, name);
      writeAttributes(attributes);
      out.writeLong(attributes.size());
      sendContents(source, file, attributes.size());
    }
  }

  private static FileChannel open(Path file, Set<OpenOption> how) throws UnreadableException {
    try {
      return FileChannel.open(file, how);
    } catch (IOException e) {
      throw new UnreadableException(e);
    }
  }

  private void sendContents(FileChannel source, Path file, long length) throws IOException {
    CRC32 checksum = new CRC32();
    InputStream contents = new Source(source);
    long sent;
    try {
      long begin = length < Format.RESUMABLE_BYTES ? 0 : agree(source, contents, checksum, length);
      if (begin < 0) {
        // The receiver has said why.
        out.writeByte(Format.GIVEN_UP);
        return;
      }
      sent = begin + sendPieces(contents, checksum);
    } catch (SourceException e) {
      problem(file, e.reason());
      out.writeByte(Format.GIVEN_UP);
      return;
    }
    out.writeByte(Format.FILE_END);
    out.writeInt((int) checksum.getValue());
    files++;
    bytes += sent;
    if (sent != length) {
      problem(file, "changed while it was copied");
    }
  }

  /** A fault of our file, and not of the stream. */
  private static final class SourceException extends IOException {
    private static final long serialVersionUID = 1;

    private final String reason;

    SourceException(IOException cause) {
      super(cause);
      reason = FileSender.reason(cause);
    }

    String reason() {
      return reason;
    }
  }

  private static final class Source extends InputStream {
    private final FileChannel file;

    Source(FileChannel file) {
      this.file = file;
    }

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] into, int from, int length) throws SourceException {
      try {
        return file.read(ByteBuffer.wrap(into, from, length));
      } catch (IOException e) {
        throw new SourceException(e);
      }
    }
  }

  /**
   * Asks what the receiver has of the file, and skips that if it is the beginning of ours.
   *
   * @return where to go on; -1: it does not want the file
   */
  private long agree(FileChannel source, InputStream contents, CRC32 checksum, long length)
      throws IOException {
    out.flush();
    long there = in.readLong();
    int theirs = in.readInt();
    if (there < 0) {
      return there;
    }
    long left = there > length ? 0 : there;
    while (left > 0) {
      int read = contents.read(piece, 0, (int) Math.min(piece.length, left));
      if (read < 0) {
        break;
      }
      checksum.update(piece, 0, read);
      left -= read;
    }
    long same = source.position();
    if (same != there || (int) checksum.getValue() != theirs) {
      checksum.reset();
      source.position(0);
      same = 0;
    }
    log.moved(same);
    out.writeLong(same);
    return same;
  }

  private long sendPieces(InputStream source, CRC32 checksum) throws IOException {
    long sent = 0;
    int read;
    while ((read = source.read(piece, 0, piece.length)) >= 0) {
      checksum.update(piece, 0, read);
      if (read == piece.length && isZero(piece)) {
        out.writeByte(Format.ZEROS);
        out.writeInt(read);
      } else if (read > 0) {
        out.writeByte(Format.DATA);
        out.writeInt(read);
        out.write(piece, 0, read);
      }
      sent += read;
      log.moved(read);
    }
    return sent;
  }

  private static boolean isZero(byte[] bytes) {
    for (byte b : bytes) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }
}
