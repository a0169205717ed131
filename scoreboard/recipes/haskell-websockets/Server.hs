-- An echo server with websockets.
import Control.Monad (forever)
import qualified Network.WebSockets as WS
import System.Environment (getArgs)

main :: IO ()
main = do
  [port] <- getArgs
  WS.runServer "127.0.0.1" (read port) $ \pending -> do
    conn <- WS.acceptRequest pending
    WS.withPingThread conn 30 (return ()) $ forever $ do
      message <- WS.receiveDataMessage conn
      WS.sendDataMessage conn message
